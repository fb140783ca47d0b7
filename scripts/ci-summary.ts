import { readFileSync } from 'node:fs';
import { summarize } from './ci/summarize.ts';

/** `node scripts/ci-summary.ts EXIT_CODE REPORT...`: the last line of CI, from the test runner's own reports. */
const [exitCode = '1', ...paths] = process.argv.slice(2);

const summary = summarize(paths.map(readReport), Number(exitCode));
if (summary.problem) console.log(summary.problem);
console.log(summary.line);
process.exitCode = summary.ok ? 0 : 1;

function readReport(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
