import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { affectedServices } from './affected-services.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const all = readdirSync(join(repository, 'services')).toSorted();
const root = mkdtempSync(join(tmpdir(), 'affected-services-'));
afterAll(() => rmSync(root, { recursive: true }));

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
  }).trim();

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  appendFileSync(join(root, path), text);
};
const edit = (path: string, from: RegExp, to: string) => {
  const text = readFileSync(join(root, path), 'utf8');
  expect(text).toMatch(from);
  writeFileSync(join(root, path), text.replace(from, to));
};
const commit = () => {
  git('add', '--all');
  git('commit', '--quiet', '--message', 'a change');
  return git('rev-parse', 'HEAD');
};

// The manifests of this very workspace in a repository of their own, with a line of source for each package and an image for each service.
for (const file of [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'turbo.json',
  'tsconfig.base.json',
  'rolldown.service.config.ts',
])
  cpSync(join(repository, file), join(root, file));
for (const group of ['packages', 'services'])
  for (const name of readdirSync(join(repository, group))) {
    const manifest = join(repository, group, name, 'package.json');
    if (!existsSync(manifest)) continue;
    write(`${group}/${name}/src/index.ts`, 'export {};\n');
    cpSync(manifest, join(root, group, name, 'package.json'));
    if (group === 'services') write(`${group}/${name}/Dockerfile`, 'FROM scratch\n');
  }
git('init', '--quiet', '--initial-branch=main');
const base = commit();
beforeEach(() => {
  git('reset', '--quiet', '--hard', base);
});

const affectedBy = (change: () => void): string[] => {
  change();
  commit();
  return affectedServices(root, base);
};

describe('the images that are built for a change', () => {
  it('are none of two commits with the same files', () => {
    git('commit', '--quiet', '--allow-empty', '--message', 'nothing');
    expect(affectedServices(root, base)).toEqual([]);
  });

  it.each([
    ['source', 'services/rfp-automation/src/index.ts'],
    ['Dockerfile', 'services/rfp-automation/Dockerfile'],
    ['new file', 'services/rfp-automation/src/new.ts'],
  ])('are one for a %s of one service', (_, path) => {
    expect(affectedBy(() => write(path, '// changed\n'))).toEqual(['rfp-automation']);
  });

  it.each([
    'packages/vast-worker/src/index.ts',
    'packages/vast-protocol/src/index.ts',
    'rolldown.service.config.ts',
    'tsconfig.base.json',
    'turbo.json',
    '.dockerignore',
    'infra/docker/start-vllm.sh',
    'scripts/start/start-command.ts',
  ])('are all for a change of %s', (path) => {
    expect(affectedBy(() => write(path, '\n'))).toEqual(all);
  });

  it('are all for another version of what the worker depends on', () => {
    expect(affectedBy(() => edit('pnpm-lock.yaml', /undici@\d+\.\d+\.\d+/g, 'undici@99.0.0'))).toEqual(all);
  });

  it.each([
    'docs/operating.md',
    'README.md',
    'infra/prometheus/alerts.yml',
    'infra/docker/test/images.test.ts',
    '.github/workflows/ci.yml',
    'scripts/lint.ts',
  ])('are none for a change of %s', (path) => {
    expect(affectedBy(() => write(path, 'changed\n'))).toEqual([]);
  });

  it('are the ones that commits on a branch change, whatever happened on main', () => {
    git('checkout', '--quiet', '-b', 'feature');
    write('services/agent-brain/src/index.ts', '// changed\n');
    commit();
    git('checkout', '--quiet', '-b', 'other', base);
    write('services/compliance-engine/src/index.ts', '// changed\n');
    const main = commit();
    git('checkout', '--quiet', 'feature');
    expect(affectedServices(root, main)).toEqual(['agent-brain']);
    git('checkout', '--quiet', 'main');
    git('branch', '--quiet', '-D', 'feature', 'other');
  });

  it.each([
    ['unknown', 'c'.repeat(40)],
    ['of a new branch', '0'.repeat(40)],
    ['missing', ''],
    ['no commit', 'main; echo'],
  ])('are all when the base is %s', (_, unknown) => {
    git('commit', '--quiet', '--allow-empty', '--message', 'nothing');
    expect(affectedServices(root, unknown)).toEqual(all);
  });

  it('are not those of a service that has no Dockerfile', () => {
    expect(affectedBy(() => rmSync(join(root, 'services/agent-brain/Dockerfile')))).toEqual([]);
    expect(affectedServices(root, '')).toEqual(all.filter((service) => service !== 'agent-brain'));
  });

  it('are told by the command as JSON', () => {
    write('services/agent-brain/Dockerfile', '# changed\n');
    commit();
    const command = join(repository, 'scripts/affected-services.ts');
    const output = execFileSync(process.execPath, [command], { cwd: root, env: { ...process.env, BASE: base }, encoding: 'utf8' });
    expect(output).toBe('["agent-brain"]\n');
  });

  it('are not guessed when turbo cannot tell', () => {
    expect(() => affectedBy(() => writeFileSync(join(root, 'turbo.json'), '{'))).toThrow('turbo.json');
  });
});
