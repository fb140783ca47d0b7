import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../packages/vast-worker/src/errors.ts';
import { environmentVariables } from '../packages/vast-worker/src/worker/environment.ts';

/** What the documents name has to be there: files, headings, settings, errors, metrics. */

const root = fileURLToPath(new URL('..', import.meta.url));
const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: root, encoding: 'utf8' });
const documents = listed.split('\n').filter((file) => file !== '' && existsSync(root + file));
const read = (file: string) => readFileSync(root + file, 'utf8');
const withoutCode = (text: string) => text.replace(/^( *)```[\s\S]*?^\1```$/gm, '').replace(/`[^`\n]*`/g, 'code');

/** As GitHub makes them of headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');
const anchorsIn = (file: string) =>
  [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf((heading as string).replaceAll('`', '')));

describe('links', () => {
  it.each(documents)('of %s lead somewhere', (file) => {
    const targets = [...withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
    const dead = targets.filter((target) => {
      if (/^[a-z]+:/.test(target)) return false;
      const [path = '', anchor] = target.split('#');
      const to = path === '' ? file : join(dirname(file), path);
      if (!existsSync(root + to)) return true;
      return anchor !== undefined && !anchorsIn(to).includes(anchor);
    });
    expect(dead).toEqual([]);
  });
});

describe('docs', () => {
  const pages = readdirSync(`${root}docs`).filter((name) => name.endsWith('.md') && name !== 'README.md');
  const text = pages.map((name) => read(`docs/${name}`)).join('\n');
  const named = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([name]) => name))];

  it('has every page in its index', () => {
    for (const page of pages) expect(read('docs/README.md')).toContain(`(${page})`);
  });

  it('names settings and errors that exist', () => {
    const notOurs = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_', 'MALLOC_MMAP_THRESHOLD_', 'WORKLOAD_UNIT', 'ENDPOINT_KEY', 'TEI_TAG']; // malloc's, the services', a reader's own, the images'
    const known = new Set([...notOurs, ...Object.keys(errorCatalogue), ...environmentVariables.map(({ name }) => name)]);
    const words = named(/(?<=`)[A-Z][A-Z0-9]*_[A-Z0-9_]+(?=[`=])/g);
    expect(words.length).toBeGreaterThan(20);
    expect(words.filter((word) => !known.has(word))).toEqual([]);
  });

  it('names metrics that exist', () => {
    const metrics = read('packages/vast-worker/README.md'); // whose table a test holds against the registry
    const words = named(/vast_worker_[a-z_]+/g);
    expect(words.length).toBeGreaterThan(10);
    expect(words.filter((word) => !metrics.includes(`\`${word}\``))).toEqual([]);
  });

  it('tells of every error what to do', () => {
    const symptoms = read('docs/troubleshooting.md');
    expect(Object.keys(errorCatalogue).filter((code) => !symptoms.includes(`\`${code}\``))).toEqual([]);
  });
});
