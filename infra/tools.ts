import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** What the tests of this folder share. */

const folder = fileURLToPath(new URL('.', import.meta.url));
export const pathOf = (file: string): string => folder + file;
export const readText = (file: string): string => readFileSync(pathOf(file), 'utf8');
export const readYaml = <Shape = unknown>(file: string): Shape => parse(readText(file), { merge: true, uniqueKeys: true }) as Shape;

/** True when the program can be run. With REQUIRE_ALL=1 a missing one is a failure: nothing may be skipped in CI. */
export function hasProgram(name: string, args: string[], whence: string): boolean {
  if (spawnSync(name, args).status === 0) return true;
  if (process.env.REQUIRE_ALL === '1') throw new Error(`${name} is missing (${whence}), and REQUIRE_ALL=1 lets nothing be skipped`);
  console.warn(`skipped: what needs ${name}; ${whence}`);
  return false;
}

/** Exit code and all output. */
export function runProgram(name: string, args: string[], cwd: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(name, args, { cwd, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}
