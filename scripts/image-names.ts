import { readFileSync } from 'node:fs';
import { asStepOutputs, imageNames } from './ci/image-names.ts';

/**
 * `node scripts/image-names.ts`: what the image of SERVICE and TARGET is called, as outputs of a step. RELEASE is the version that a
 * release tag named, else empty. The other variables are GitHub's own. A value that is wrong is an error that names its variable.
 */
const service = read('SERVICE', /^[a-z0-9-]+$/);
const release = read('RELEASE', /^(\d+\.\d+\.\d+\S*)?$/);
const version = versionOf(service);
if (release !== '' && release !== version) throw new Error(`RELEASE: the tag says ${release}, the package.json of ${service} ${version}`);

process.stdout.write(
  asStepOutputs(
    imageNames({
      owner: read('GITHUB_REPOSITORY_OWNER', /^[\w-]+$/),
      service,
      target: read('TARGET', /^(default|network)$/),
      version,
      commit: read('GITHUB_SHA', /^[0-9a-f]{40}$/),
      isRelease: release !== '',
    }),
  ),
);

function read(name: string, form: RegExp): string {
  const value = process.env[name] ?? '';
  if (!form.test(value)) throw new Error(`${name}: expected ${String(form)}, found ${JSON.stringify(value)}`);
  return value;
}

function versionOf(name: string): string {
  try {
    const text = readFileSync(new URL(`../services/${name}/package.json`, import.meta.url), 'utf8');
    return (JSON.parse(text) as { version: string }).version;
  } catch (error) {
    throw new Error(`SERVICE: ${name} is no service`, { cause: error });
  }
}
