#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { explainGrant } from './worker/verify-grant.ts';

const help = `vast-worker: tools for workers on Vast.ai Serverless

  vast-worker verify-grant FILE [--key FILE | --address URL]

    Says which form of signature a captured grant has, if any. FILE holds the grant (what /route/ answered), or an
    envelope with auth_data; - reads standard input. The public key comes from a PEM file, or from URL/pubkey/
    (default https://run.vast.ai). Set SIGNATURE_FORM of the worker to the form that verifies.

    Exit code 0: a form verifies; 1: none does; 2: something was missing.
`;

async function main(): Promise<number> {
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
