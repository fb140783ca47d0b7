import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { repository, WorkspaceCopy } from '../testing/workspace-copy.ts';
import { imageOfTag } from './release-tag.ts';

const workspace = new WorkspaceCopy();
const { root, services } = workspace;
afterAll(() => workspace[Symbol.dispose]());
beforeEach(() => workspace.reset());

const changeset = (...args: string[]) => {
  const program = join(repository, 'node_modules/.bin/changeset');
  return spawnSync(program, args, { cwd: root, env: workspace.environment, encoding: 'utf8' });
};
const changesets = () => readdirSync(join(root, '.changeset')).filter((name) => name.endsWith('.md'));
const versions = (): Record<string, string> =>
  Object.fromEntries(
    ['packages', 'services'].flatMap((group) =>
      readdirSync(join(root, group)).map((folder) => {
        const { name, version } = JSON.parse(workspace.read(`${group}/${folder}/package.json`)) as { name: string; version: string };
        return [name, version];
      }),
    ),
  );
const changed = (before: Record<string, string>) =>
  Object.entries(versions()).flatMap(([name, version]) => (before[name] === version ? [] : [name]));

/** Instead of those that wait here. */
function onlyChangeset(text: string): void {
  for (const name of changesets()) rmSync(join(root, '.changeset', name));
  workspace.append('.changeset/only.md', text);
}

describe('a release', () => {
  it('takes every changeset that waits', () => {
    const named = changesets().flatMap((name) => [
      ...workspace.read(`.changeset/${name}`).matchAll(/^"(@bluefly\/[^"]+)": (?:major|minor|patch)$/gm),
    ]);
    const before = versions();
    expect(changeset('version')).toMatchObject({ status: 0 });
    expect(changesets()).toEqual([]);
    expect(changed(before)).toEqual(expect.arrayContaining(named.map(([, name]) => name)));
  });

  it('patches every service when the worker changes, and nothing below it', () => {
    onlyChangeset('---\n"@bluefly/vast-worker": patch\n---\n\nBetter\n');
    const before = versions();
    expect(changeset('version')).toMatchObject({ status: 0 });
    const expected = ['@bluefly/vast-worker', ...services.map((service) => `@bluefly/${service}`)];
    expect(changed(before)).toEqual(expect.arrayContaining(expected));
    expect(changed(before)).not.toContain('@bluefly/vast-protocol');
    for (const service of services) expect(existsSync(join(root, 'services', service, 'CHANGELOG.md'))).toBe(true);
  });

  it('does not take a changeset for a package that is not there', () => {
    onlyChangeset('---\n"@bluefly/nowhere": patch\n---\n\nBetter\n');
    expect(changeset('version').status).not.toBe(0);
  });

  it('tags the services, which are private, and each of these tags releases an image', () => {
    changeset('version');
    workspace.commit();
    expect(changeset('git-tag')).toMatchObject({ status: 0 });
    const tags = workspace.git('tag').split('\n');
    expect(tags).toHaveLength(Object.keys(versions()).length);
    const releases = tags.flatMap((tag) => imageOfTag(tag, services) ?? []);
    expect(releases).toEqual(services.map((service) => ({ service, version: versions()[`@bluefly/${service}`] })));
  });
});

describe('publishing', () => {
  const packages = readdirSync(join(root, 'packages'))
    .map((folder) => JSON.parse(workspace.read(`packages/${folder}/package.json`)) as { name: string; private?: boolean })
    .flatMap((manifest) => (manifest.private ? [] : [manifest.name]));

  /** What `npm run release:publish` does once everything is built. */
  async function publish(registry: FakeRegistry, env: Record<string, string>) {
    const url = await registry.listen();
    workspace.append('.npmrc', `@bluefly:registry=${url}\n${url.slice('http:'.length)}:_authToken=token\n`);
    const options = { cwd: root, env: { ...workspace.environment, ...env }, timeout: 25_000 };
    return promisify(execFile)(join(repository, 'node_modules/.bin/changeset'), ['publish'], options);
  }

  it('gives npm the packages, and tags them and the services', async () => {
    await using registry = new FakeRegistry();
    await publish(registry, {});
    expect(registry.published.toSorted()).toEqual(packages.toSorted());
    expect(workspace.git('tag').split('\n')).toContainEqual(expect.stringMatching(serviceTag));
    expect(workspace.git('tag').split('\n')).toEqual(
      Object.entries(versions())
        .map((entry) => entry.join('@'))
        .toSorted(),
    );
  });

  it('asks for provenance as the workflow sets it, which only a CI machine can give', async () => {
    const release = parse(readFileSync(join(repository, '.github/workflows/release.yml'), 'utf8')) as ReleaseWorkflow;
    const step = release.jobs.packages.steps.find(({ uses }) => uses?.startsWith('changesets/action@'));
    expect(step?.with?.['publish-script']).toBe('npm run release:publish');
    await using registry = new FakeRegistry();
    await expect(publish(registry, step?.env ?? {})).rejects.toMatchObject({
      stdout: expect.stringContaining('PROVENANCE_UNSUPPORTED_PROVIDER'),
    });
    expect(registry.published).toEqual([]);
    expect(workspace.git('tag').split('\n')).not.toContainEqual(expect.stringMatching(serviceTag));
  });
});

const serviceTag = new RegExp(`^@bluefly/(${services.join('|')})@`);

interface ReleaseWorkflow {
  jobs: { packages: { steps: { uses?: string; with?: Record<string, string>; env?: Record<string, string> }[] } };
}

it('a service is private, so that it is tagged and not published', () => {
  for (const service of services)
    expect(JSON.parse(workspace.read(`services/${service}/package.json`))).toMatchObject({ name: `@bluefly/${service}`, private: true });
});
