import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { asStepOutputs, imageNames } from './image-names.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const source = { owner: 'BlueFly', service: 'agent-brain', target: 'default', version: '1.2.3', commit, isRelease: false };

describe('the tags of an image', () => {
  it('name the commit, and the version with the commit', () => {
    expect(imageNames(source).tags).toEqual([
      `ghcr.io/bluefly/agent-brain:sha-${commit}`,
      'ghcr.io/bluefly/agent-brain:1.2.3-0123456789ab',
    ]);
  });

  it('name only the version of a release, so that no tag is written twice', () => {
    const release = imageNames({ ...source, isRelease: true });
    expect(release.tags).toEqual(['ghcr.io/bluefly/agent-brain:1.2.3']);
    expect(release.tags.filter((tag) => imageNames(source).tags.includes(tag))).toEqual([]);
  });

  it('end in the target when it is not the default', () => {
    expect(imageNames({ ...source, target: 'network', isRelease: true }).tags).toEqual(['ghcr.io/bluefly/agent-brain:1.2.3-network']);
  });
});

describe('the command', () => {
  const run = (env: Record<string, string>) =>
    execFileSync(process.execPath, [fileURLToPath(new URL('../image-names.ts', import.meta.url))], {
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  const environment = { GITHUB_REPOSITORY_OWNER: 'bluefly', GITHUB_SHA: commit, SERVICE: 'agent-brain', TARGET: 'network', RELEASE: '' };
  const { version } = JSON.parse(readFileSync(new URL('../../services/agent-brain/package.json', import.meta.url), 'utf8')) as {
    version: string;
  };

  it('writes the outputs of a step, with the version of the package', () => {
    const names = imageNames({ ...source, owner: 'bluefly', target: 'network', version });
    expect(run(environment)).toBe(asStepOutputs(names));
    expect(run(environment)).toContain(
      `tags<<END\n${names.tags.join('\n')}\nEND\nlabels<<END\norg.opencontainers.image.revision=${commit}\n`,
    );
    expect(run({ ...environment, RELEASE: version })).toContain(`tags<<END\nghcr.io/bluefly/agent-brain:${version}-network\nEND\n`);
  });

  it.each([
    ['SERVICE', '../packages'],
    ['SERVICE', 'unknown'],
    ['TARGET', 'other'],
    ['GITHUB_SHA', 'main'],
    ['GITHUB_REPOSITORY_OWNER', ''],
    ['RELEASE', '99.0.0'],
  ])('refuses %s=%s', (name, value) => {
    expect(() => run({ ...environment, [name]: value })).toThrow(name);
  });
});
