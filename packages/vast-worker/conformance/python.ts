import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The official package, pinned: the generation that the defects were found in. */
const requirements = ['vastai==1.5.6', 'setuptools==80.9.0']; // distutils, which the package imports, left Python with 3.12

const folder = fileURLToPath(new URL('.venv', import.meta.url));

/** The Python of a virtual environment with the official package; undefined, after saying why, where it cannot be had. */
export function officialPython(): string | undefined {
  const python = `${folder}/bin/python`;
  const marker = `${folder}/${requirements.join('_')}`;
  if (existsSync(marker)) return python;
  if (spawnSync('python3', ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 10))']).status !== 0) {
    return missing('python3 (3.10 or newer, with venv)');
  }
  try {
    console.log(`Installing ${requirements.join(', ')} into a virtual environment …`);
    execFileSync('python3', ['-m', 'venv', '--clear', folder], { stdio: 'pipe' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements], {
      stdio: 'pipe',
      timeout: 300_000,
    });
    execFileSync('touch', [marker]);
    return python;
  } catch (error) {
    return missing(`the package ${requirements[0]} (${error instanceof Error ? error.message.split('\n')[0] : 'unknown failure'})`);
  }
}

function missing(what: string): undefined {
  if (process.env.REQUIRE_ALL === '1') throw new Error(`conformance needs ${what}, and REQUIRE_ALL=1 lets nothing be skipped`);
  console.warn(`skipped: conformance with the official worker and client, for want of ${what}`);
  return undefined;
}
