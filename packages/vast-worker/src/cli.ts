#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs, styleText } from 'node:util';
import type { FindingStatus } from './worker/finding.ts';

/** Each command loads what it needs and no more: the supervisor stays beside its worker for as long as that lives. */

const help = `vast-worker: tools for workers on Vast.ai Serverless

  vast-worker doctor [--json]

    Looks at what a worker needs on this machine, with the worker's environment: variables, ports, GPUs, disk space, model
    server, control plane and its key, certificate. Says for each what is wrong and what to do. Changes nothing. Options in
    a service's own code are not seen, only the environment.

    Exit code 0: nothing is wrong, warnings aside; 1: something is; 2: wrong use.

  vast-worker verify-grant FILE [--key FILE | --address URL]

    Says which form of signature a captured grant has, if any. FILE holds the grant (what /route/ answered), or an
    envelope with auth_data; - reads standard input. The public key comes from a PEM file, or from URL/pubkey/
    (default https://run.vast.ai). Set SIGNATURE_FORM of the worker to the form that verifies.

    Exit code 0: a form verifies; 1: none does; 2: something was missing.

  vast-worker hash-key ID [--stdin] [--json]

    Makes a key for a caller of direct mode, and its entry for API_KEYS, which holds the hash alone. The key is shown once and
    stored nowhere. With --stdin the key is one you have, of at least 32 characters that nobody can guess.

    Exit code 0: done; 2: wrong use.

  vast-worker supervise -- COMMAND [ARGUMENT…]

    The container's entry: runs the worker, such as node worker.mjs, and starts it again when it crashes, after pauses
    that double from half a second, up to five times in a row. A model server that the worker started lives on
    meanwhile and is taken over. SIGTERM, SIGINT and SIGHUP reach the worker, which drains; then all is ended.

    Exit code: the worker's; 128 and the signal's number when a signal ended it.
`;

async function main(): Promise<number> {
  if (process.argv[2] === 'supervise') return runSupervise(process.argv.slice(3));
  if (process.argv[2] === 'doctor') return runDoctor(process.argv.slice(3));
  if (process.argv[2] === 'hash-key') return runHashKey(process.argv.slice(3));
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
  const grant = await readFile(file === '-' ? '/dev/stdin' : file);
  const key = values.key === undefined ? await fetchKey(values.address ?? 'https://run.vast.ai') : await readFile(values.key, 'utf8');
  const { explainGrant } = await import('./worker/verify-grant.ts');
  const { lines, verifies } = explainGrant(grant, key);
  process.stdout.write(`${lines.join('\n')}\n`);
  return verifies ? 0 : 1;
}

async function runDoctor(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const { describe, examine } = await import('./worker/doctor.ts');
  const diagnosis = await examine({ env: process.env, onProgress: showProgress });
  process.stdout.write(values.json ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : describe(diagnosis, paint));
  return diagnosis.status === 'wrong' ? 1 : 0;
}

async function runHashKey(args: string[]): Promise<number> {
  const options = { stdin: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
  const [id] = positionals;
  if (values.help || id === undefined || positionals.length > 1) {
    process[values.help ? 'stdout' : 'stderr'].write(help);
    return values.help ? 0 : 2;
  }
  const [{ makeKey }, { describeKey, entryOf }] = await Promise.all([import('./adapters/api-keys.ts'), import('./worker/hash-key.ts')]);
  const key = values.stdin ? (await text(process.stdin)).trim() : makeKey();
  const entry = entryOf(id, key);
  process.stdout.write(values.json ? `${JSON.stringify({ key, entry })}\n` : describeKey(key, entry));
  return 0;
}

const colours = { ok: 'green', warning: 'yellow', wrong: 'red' } as const;
/** Plain where there are no colours: no terminal, or NO_COLOR. */
const paint = (status: FindingStatus, word: string) => styleText(colours[status], word, { stream: process.stdout });

/** One line that is written over; only for somebody who watches. */
function showProgress(waitingFor: readonly string[]): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\x1b[K${waitingFor.length > 0 ? `looking at ${waitingFor.join(', ')} …` : ''}`);
}

/** What follows belongs to the command: nothing of it is an option of ours, but for --help in front. */
async function runSupervise(given: readonly string[]): Promise<number> {
  const [command, ...args] = given[0] === '--' ? given.slice(1) : given;
  if (command === undefined || command.startsWith('-')) {
    const isHelp = command === '--help' || command === '-h';
    process[isHelp ? 'stdout' : 'stderr'].write(help);
    return isHelp ? 0 : 2;
  }
  const [{ becomeReaperIfFirst, supervise }, { systemClock }, { createLogger }, { logLevelFrom }] = await Promise.all([
    import('./worker/supervise.ts'),
    import('./adapters/clock.ts'),
    import('./adapters/logger.ts'),
    import('./worker/environment.ts'),
  ]);
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
