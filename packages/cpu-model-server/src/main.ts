#!/usr/bin/env node
import { helpText, OptionsError, readOptions } from './options.ts';
import { StartError, startModelServer } from './start-model-server.ts';

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
    await stopped.promise;
    await server.stop();
  } catch (error) {
    if (!loading.signal.aborted) throw error;
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof OptionsError || error instanceof StartError)) throw error;
  process.stderr.write(`Error: ${error.message}\n`);
  process.exitCode = 1;
}
