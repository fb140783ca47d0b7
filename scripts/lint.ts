import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { lint } from './lint/lint.ts';

/**
 * `node scripts/lint.ts`: Dockerfiles, shell scripts, YAML and workflows that git knows or would add. A tool that is missing is told;
 * with REQUIRE_ALL=1, as in CI, it counts as a failure.
 */
const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
const paths = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options).split('\0');
const files = paths.filter((path) => path !== '' && existsSync(path)).map((path) => ({ path, text: readFileSync(path, 'utf8') }));

const { problems, unchecked, checked } = await lint(files);
for (const line of [...problems, ...unchecked]) console.log(line);
console.log(`${checked} Dockerfiles, scripts, YAML files and workflows checked, ${problems.length} problems.`);
if (problems.length > 0 || (unchecked.length > 0 && process.env.REQUIRE_ALL === '1')) process.exitCode = 1;
