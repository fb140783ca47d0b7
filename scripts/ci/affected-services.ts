import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const turbo = fileURLToPath(new URL('../../node_modules/.bin/turbo', import.meta.url));
const timeoutMs = 60_000;

/**
 * The services whose images may differ between `base` and HEAD, by name, sorted. turbo knows: it follows dependencies between packages,
 * what changed in the lockfile, and the `globalDependencies` of turbo.json, which name what images take from outside of the packages.
 * All services where there is no telling: no base, as for the first push of a branch (40 zeros), or one that a force push took away.
 * @param root of the repository
 * @param base a commit
 * @throws Error when git or turbo cannot be run
 */
export function affectedServices(root: string, base: string): string[] {
  const services = servicesWithAnImage(root);
  if (!isKnownCommit(root, base)) return services;
  const affected = affectedPackages(root, base);
  return services.filter((service) => affected.has(`services/${service}`));
}

/** @returns folders under services/ that have a Dockerfile */
export function servicesWithAnImage(root: string): string[] {
  const folder = join(root, 'services');
  return readdirSync(folder)
    .filter((service) => existsSync(join(folder, service, 'Dockerfile')))
    .toSorted();
}

function isKnownCommit(root: string, base: string): boolean {
  if (!/^(?!0+$)[0-9a-f]{40}$/.test(base)) return false;
  try {
    execFileSync('git', ['cat-file', '-e', `${base}^{commit}`], { cwd: root, stdio: 'ignore', timeout: timeoutMs });
    return true;
  } catch (error) {
    if ((error as { status?: number | null }).status === null) throw error; // it did not run, or not to its end
    return false;
  }
}

/** turbo gets no more of the environment than it needs: on a CI machine it would choose a base of its own. */
function affectedPackages(root: string, base: string): Set<string> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, TURBO_SCM_BASE: base, TURBO_SCM_HEAD: 'HEAD', TURBO_TELEMETRY_DISABLED: '1' };
  const options = { cwd: root, env, encoding: 'utf8', stdio: 'pipe', timeout: timeoutMs } as const;
  const output = execFileSync(turbo, ['ls', '--affected', '--output=json'], options);
  const { packages } = JSON.parse(output) as { packages: { items: { path: string }[] } };
  return new Set(packages.items.map(({ path }) => path));
}
