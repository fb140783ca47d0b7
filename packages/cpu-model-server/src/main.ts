#!/usr/bin/env node
import { helpText, OptionsError, readOptions } from './options.ts';
import { StartError } from './server.ts';
import { startModelServer } from './start-model-server.ts';

/** The command: options from the command line, SIGTERM and SIGINT to stop. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === 'help') {
    process.stdout.write(helpText());
    return;
  }
  const loading = new AbortController();
  const stopped = Promise.withResolvers<void>();
  const stop = () => {
    loading.abort();
    stopped.resolve();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    const server = await startModelServer(options, { signal: loading.signal, color: !process.env.NO_COLOR });
    await Promise.race([stopped.promise.then(() => server.stop()), server.ended]);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error; // stopped while it was loading
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof OptionsError || error instanceof StartError)) throw error;
  process.stderr.write(`${error instanceof OptionsError ? 'Error: ' : ''}${error.message}\n`);
  process.exitCode = 1;
}
