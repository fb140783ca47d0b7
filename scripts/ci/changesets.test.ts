import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
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

it('a service is private, so that it is tagged and not published', () => {
  for (const service of services)
    expect(JSON.parse(workspace.read(`services/${service}/package.json`))).toMatchObject({ name: `@bluefly/${service}`, private: true });
});
