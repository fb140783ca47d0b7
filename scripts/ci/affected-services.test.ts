import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { repository, WorkspaceCopy } from '../testing/workspace-copy.ts';
import { affectedServices } from './affected-services.ts';

const workspace = new WorkspaceCopy();
const { root, base, services: all } = workspace;
afterAll(() => workspace[Symbol.dispose]());
beforeEach(() => workspace.reset());

const affectedBy = (change: () => void): string[] => {
  change();
  workspace.commit();
  return affectedServices(root, base);
};

describe('the images that are built for a change', () => {
  it('are none of two commits with the same files', () => {
    workspace.commit();
    expect(affectedServices(root, base)).toEqual([]);
  });

  it.each([
    ['source', 'services/rfp-automation/src/index.ts'],
    ['Dockerfile', 'services/rfp-automation/Dockerfile'],
    ['new file', 'services/rfp-automation/src/new.ts'],
  ])('are one for a %s of one service', (_, path) => {
    expect(affectedBy(() => workspace.append(path, '// changed\n'))).toEqual(['rfp-automation']);
  });

  it.each([
    'packages/vast-worker/src/index.ts',
    'packages/vast-protocol/src/index.ts',
    'rolldown.service.config.ts',
    'tsconfig.base.json',
    'turbo.json',
    '.dockerignore',
    'infra/docker/start-vllm.sh',
    'scripts/bundle/lean.ts',
    'scripts/start/start-command.ts',
  ])('are all for a change of %s', (path) => {
    expect(affectedBy(() => workspace.append(path, '\n'))).toEqual(all);
  });

  it('are all for another version of what the worker depends on', () => {
    expect(affectedBy(() => bumpUndici())).toEqual(all);
  });

  it.each([
    'docs/operating.md',
    'README.md',
    'infra/prometheus/alerts.yml',
    'infra/docker/test/images.test.ts',
    '.github/workflows/ci.yml',
    'scripts/lint.ts',
  ])('are none for a change of %s', (path) => {
    expect(affectedBy(() => workspace.append(path, 'changed\n'))).toEqual([]);
  });

  it('are the ones that commits on a branch change, whatever happened on main', () => {
    workspace.git('checkout', '--quiet', '-B', 'feature');
    workspace.append('services/agent-brain/src/index.ts', '// changed\n');
    workspace.commit();
    workspace.git('checkout', '--quiet', '-B', 'other', base);
    workspace.append('services/compliance-engine/src/index.ts', '// changed\n');
    const main = workspace.commit();
    workspace.git('checkout', '--quiet', 'feature');
    expect(affectedServices(root, main)).toEqual(['agent-brain']);
  });

  it.each([
    ['unknown', 'c'.repeat(40)],
    ['of a new branch', '0'.repeat(40)],
    ['missing', ''],
    ['no commit', 'main; echo'],
  ])('are all when the base is %s', (_, unknown) => {
    workspace.commit();
    expect(affectedServices(root, unknown)).toEqual(all);
  });

  it('are not those of a service that has no Dockerfile', () => {
    expect(affectedBy(() => rmSync(join(root, 'services/agent-brain/Dockerfile')))).toEqual([]);
    expect(affectedServices(root, '')).toEqual(all.filter((service) => service !== 'agent-brain'));
  });

  it('are told by the command as JSON', () => {
    workspace.append('services/agent-brain/Dockerfile', '# changed\n');
    workspace.commit();
    const command = join(repository, 'scripts/affected-services.ts');
    const output = execFileSync(process.execPath, [command], { cwd: root, env: { ...process.env, BASE: base }, encoding: 'utf8' });
    expect(output).toBe('["agent-brain"]\n');
  });

  it('are not guessed when turbo cannot tell', () => {
    expect(() => affectedBy(() => writeFileSync(join(root, 'turbo.json'), '{'))).toThrow('turbo.json');
  });
});

function bumpUndici(): void {
  const text = workspace.read('pnpm-lock.yaml');
  expect(text).toMatch(/undici@\d/);
  writeFileSync(join(root, 'pnpm-lock.yaml'), text.replace(/undici@\d+\.\d+\.\d+/g, 'undici@99.0.0'));
}
