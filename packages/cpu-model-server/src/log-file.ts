import { appendFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { OptionsError } from './options.ts';

/**
 * Appends to the file by its name each time, so that it may be moved away. When it can no longer be written, later on, that is said
 * once on stderr and the server goes on.
 * @throws OptionsError when it cannot be written at first
 */
export function createLogFile(file: string): (text: string) => void {
  const problem = appendProblem(file, '');
  if (problem) throw new OptionsError(`--log-file: expected a file that can be appended to, found ${JSON.stringify(file)} (${problem})`);
  let isBroken = false;
  return (text) => {
    const failure = appendProblem(file, text);
    if (failure && !isBroken) process.stderr.write(`--log-file ${file}: ${failure}; lines are missing there from now on\n`);
    isBroken = failure !== undefined;
  };
}

function appendProblem(file: string, text: string): string | undefined {
  try {
    appendFileSync(file, text);
    return undefined;
  } catch (error) {
    const { errno, message } = error as NodeJS.ErrnoException;
    return getSystemErrorMap().get(errno ?? 0)?.[1] ?? message;
  }
}
