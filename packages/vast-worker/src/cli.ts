#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { systemClock } from './adapters/clock.ts';
import { createLogger } from './adapters/logger.ts';
import { logLevelFrom } from './worker/environment.ts';
import { becomeReaperIfFirst, supervise } from './worker/supervise.ts';
import { explainGrant } from './worker/verify-grant.ts';

const help = `vast-worker: tools for workers on Vast.ai Serverless

  vast-worker verify-grant FILE [--key FILE | --address URL]

    Says which form of signature a captured grant has, if any. FILE holds the grant (what /route/ answered), or an
    envelope with auth_data; - reads standard input. The public key comes from a PEM file, or from URL/pubkey/
    (default https://run.vast.ai). Set SIGNATURE_FORM of the worker to the form that verifies.

    Exit code 0: a form verifies; 1: none does; 2: something was missing.

  vast-worker supervise -- COMMAND [ARGUMENT…]

    The container's entry: runs the worker, such as node worker.mjs, and starts it again when it crashes, after pauses
    that double from half a second, up to five times in a row. A model server that the worker started lives on
    meanwhile and is taken over. SIGTERM, SIGINT and SIGHUP reach the worker, which drains; then all is ended.

    Exit code: the worker's; 128 and the signal's number when a signal ended it.
`;

async function main(): Promise<number> {
  if (process.argv[2] === 'supervise') return runSupervise(process.argv.slice(3));
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { key: { type: 'string' }, address: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  const [command, file] = positionals;
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (command !== 'verify-grant' || file === undefined) {
    process.stderr.write(help);
    return 2;
  }
  const text = await readFile(file === '-' ? '/dev/stdin' : file);
  const key = values.key === undefined ? await fetchKey(values.address ?? 'https://run.vast.ai') : await readFile(values.key, 'utf8');
  const { lines, verifies } = explainGrant(text, key);
  process.stdout.write(`${lines.join('\n')}\n`);
  return verifies ? 0 : 1;
}

/** What follows belongs to the command: nothing of it is an option of ours, but for --help in front. */
async function runSupervise(given: readonly string[]): Promise<number> {
  const [command, ...args] = given[0] === '--' ? given.slice(1) : given;
  if (command === undefined || command.startsWith('-')) {
    const isHelp = command === '--help' || command === '-h';
    process[isHelp ? 'stdout' : 'stderr'].write(help);
    return isHelp ? 0 : 2;
  }
  becomeReaperIfFirst();
  return supervise({
    command,
    args,
    env: process.env,
    clock: systemClock,
    log: createLogger(logLevelFrom(process.env.LOG_LEVEL ?? '') ?? 'info'),
  });
}

async function fetchKey(address: string): Promise<string> {
  const answer = await fetch(`${address.replace(/\/+$/, '')}/pubkey/`, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${address} answers ${answer.status} for its public key; give one with --key FILE`);
  return answer.text();
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
