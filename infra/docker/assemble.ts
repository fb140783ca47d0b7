import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { leanOutput, leanPlugins } from '../../scripts/bundle/lean.ts';
import { startCommandOf } from '../../scripts/start/start-command.ts';
import { type LicensedPackage, licenceTexts } from './licences.ts';

/**
 * Puts into one folder what a service adds to the image of its model server. The service has to be built.
 *
 *   node infra/docker/assemble.ts SERVICE FOLDER
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Where images have the folder. */
const installed = '/opt/worker';

/** Bundles beside the service's own, and what they are made of. */
const tools = {
  'vast-worker': 'packages/vast-worker/dist/cli.js',
  healthcheck: 'infra/docker/healthcheck.ts',
  network: 'infra/docker/network.ts',
};

async function assemble(service: string, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { env, flags, bundle } = startCommandOf(service);
  for (const name of readdirSync(dirname(bundle))) if (name.endsWith('.mjs')) copyFileSync(join(dirname(bundle), name), join(folder, name));
  for (const [name, input] of Object.entries(tools)) await bundleTool(join(root, input), join(folder, `${name}.mjs`));
  for (const name of readdirSync(folder)) execFileSync(process.execPath, ['--check', join(folder, name)]);

  program(join(folder, 'start'), startScript(service, env, flags));
  for (const name of ['start-tei', 'start-vllm'])
    program(join(folder, name), readFileSync(join(import.meta.dirname, `${name}.sh`), 'utf8'));

  const listing = JSON.parse(pnpm('licenses', 'list', '--prod', '--json', '--filter', `@bluefly/${service}...`)) as Record<
    string,
    LicensedPackage[]
  >;
  writeFileSync(join(folder, 'LICENCES'), `${licenceTexts(listing)}\n${nodeLicence()}`);
  writeFileSync(join(folder, 'sbom.cdx.json'), pnpm('sbom', '--prod', '--sbom-format', 'cyclonedx', '--filter', `@bluefly/${service}`));
  for (const name of readdirSync(folder)) process.stdout.write(`${String(statSync(join(folder, name)).size).padStart(9)} ${name}\n`);
}

async function bundleTool(input: string, file: string): Promise<void> {
  const build = await rolldown({ input, platform: 'node', plugins: leanPlugins });
  await build.write({ ...leanOutput, cleanDir: false, file, codeSplitting: false });
  await build.close();
}

const startScript = (service: string, env: Record<string, string>, flags: string[]) => `#!/bin/sh
# As the start script in services/${service}/package.json.
exec env ${[...Object.entries(env).map(([name, value]) => `${name}=${value}`), 'node', ...flags].join(' ')} ${installed}/worker.mjs
`;

/** Of the same version as the one in images: both are pinned, and a test compares them. */
function nodeLicence(): string {
  const path = join(root, `node_modules/node-linux-${process.arch}`);
  return licenceTexts({ MIT: [{ name: 'Node.js', versions: [process.versions.node], paths: [path], license: 'MIT' }] });
}

function program(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

function pnpm(...args: string[]): string {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { packageManager: string };
  return execFileSync('npx', ['-y', packageManager, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

const [service, folder] = process.argv.slice(2);
if (service === undefined || folder === undefined) {
  process.stderr.write('node infra/docker/assemble.ts SERVICE FOLDER\n');
  process.exitCode = 2;
} else {
  await assemble(service, folder);
}
