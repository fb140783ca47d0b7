import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const lines = readFileSync(join(root, '.github/CODEOWNERS'), 'utf8').split('\n');
const rules = lines
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [pattern = '', ...owners] = line.split(' ');
    return { pattern, owners };
  });

/** The last rule wins; ours are folders and files from the root, and `*`. */
const ruleOf = (path: string) =>
  rules.findLast(({ pattern }) => pattern === '*' || (pattern.endsWith('/') ? path.startsWith(pattern) : path === pattern));

describe('CODEOWNERS', () => {
  it('names things that exist, each once, with teams of ours', () => {
    const patterns = rules.map(({ pattern }) => pattern);
    expect(patterns.filter((pattern) => pattern !== '*' && !existsSync(join(root, pattern)))).toEqual([]);
    expect(patterns.filter((pattern) => !/^(\*|\/[\w./-]+)$/.test(pattern))).toEqual([]);
    expect(new Set(patterns).size).toBe(patterns.length);
    expect(rules.filter(({ owners }) => !/^(@bluefly\/[\w-]+ ?)+$/.test(owners.join(' ')))).toEqual([]);
  });

  it.each(readdirSync(join(root, 'services')))('gives services/%s to its team', (service) => {
    expect(ruleOf(`/services/${service}/src/main.ts`)).toEqual({ pattern: `/services/${service}/`, owners: [`@bluefly/${service}`] });
  });

  it.each(readdirSync(join(root, 'packages')))('gives packages/%s to somebody', (name) => {
    expect(ruleOf(`/packages/${name}/package.json`)?.pattern).toMatch(/^\/packages\//);
  });

  it.each(['/.github/workflows/ci.yml', '/pnpm-lock.yaml', '/package.json', '/.ci/run', '/scripts/lint.ts'])(
    'gives %s to the platform',
    (path) => {
      expect(ruleOf(path)?.owners).toEqual(['@bluefly/platform']);
    },
  );
});
