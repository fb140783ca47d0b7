import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { allVastFiles } from './vast/files.ts';

/** `npm run vast-files`: writes what follows from every service's vast.json. With --check it writes nothing, and fails when something is old. */

const isCheck = process.argv.includes('--check');
const old = allVastFiles().filter(({ path, text }) => read(path) !== text);
for (const { path, text } of isCheck ? [] : old) {
  mkdirSync(new URL('.', path), { recursive: true });
  writeFileSync(path, text);
}
for (const { name } of old) process.stdout.write(`${isCheck ? 'old: ' : 'written: '}${name}\n`);
if (isCheck && old.length > 0) {
  process.stderr.write('npm run vast-files writes them anew.\n');
  process.exitCode = 1;
}

function read(path: URL): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
