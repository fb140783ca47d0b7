import { readFileSync } from 'node:fs';
import { summarize } from './ci/summarize.ts';

/** `node scripts/ci-summary.ts REPORT EXIT_CODE`: the last line of CI, from the test runner's own report. */
const [path = '', exitCode = '1'] = process.argv.slice(2);

let text: string | undefined;
try {
  text = readFileSync(path, 'utf8');
} catch {
  text = undefined;
}
const summary = summarize(text, Number(exitCode));
if (summary.problem) console.log(summary.problem);
console.log(summary.line);
process.exitCode = summary.ok ? 0 : 1;
