import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData, Package } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../testing/workspace-copy.ts';

interface Manifest {
  name: string;
  private?: boolean;
  exports: Record<string, Record<string, string>>;
  publishConfig?: Record<string, unknown>;
}

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
const folders = readdirSync(join(repository, 'packages')).map((name) => join(repository, 'packages', name));
const published = folders
  .filter((folder) => manifestOf(folder).private !== true)
  .map((folder) => ({ folder, manifest: manifestOf(folder) }));

describe.each(published)('$manifest.name, as it would be published', ({ folder, manifest }) => {
  let packed: string;
  let tarball: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    packed = await mkdtemp(join(tmpdir(), 'published-package-'));
    await promisify(execFile)('npx', ['-y', 'pnpm@12.21.0', 'pack', '--pack-destination', packed], { cwd: folder, timeout: 25_000 });
    const [file = ''] = await readdir(packed);
    tarball = new Uint8Array(await readFile(join(packed, file)));
  });
  afterAll(() => rm(packed, { recursive: true }));

  it('is public, says where it comes from, and exports what it exports here without the source', () => {
    const exports = structuredClone(manifest.exports);
    for (const conditions of Object.values(exports)) delete conditions['@bluefly/source'];
    expect(exports).not.toEqual(manifest.exports);
    expect(manifest.publishConfig).toMatchObject({ access: 'public', provenance: true });
    expect(manifest.publishConfig?.exports).toEqual(exports);
    expect(manifest).toMatchObject({
      license: 'MIT',
      repository: { directory: folder.slice(repository.length) },
      engines: { node: '>=24' },
    });
  });

  it('has all its files, where its manifest says', async () => {
    const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
    expect(messages).toEqual([]);
    expect(JSON.stringify(pkg)).not.toMatch(/@bluefly\/source|workspace:|catalog:/);
  });

  it('has types that fit its code for who imports it', async () => {
    expect(await typeProblems(createPackageFromTarballData(tarball))).toEqual([]);
  });

  it('carries code, types, README and licence, and no tests', () => {
    const files = createPackageFromTarballData(tarball)
      .listFiles()
      .map((path) => path.slice(`/node_modules/${manifest.name}/`.length));
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']));
    expect(files.filter((path) => /\.test\.|^src\/|^test\//.test(path))).toEqual([]);
  });
});

it('there are packages to publish', () => {
  expect(published.map(({ manifest }) => manifest.name)).toContain('@bluefly/vast-worker');
});

describe('a package that would not work', () => {
  const broken = { name: 'broken', version: '1.0.0', type: 'module', exports: { types: './index.d.cts', default: './index.js' } };
  const text = { 'package.json': JSON.stringify(broken), 'index.d.cts': 'export declare const a: number;' };

  it('for want of a file is noticed', async () => {
    const files = Object.entries(text).map(([name, data]) => ({ name: `package/${name}`, data: new TextEncoder().encode(data) }));
    const { messages } = await publint({ pkgDir: 'package', pack: { files }, strict: true });
    expect(messages.map(({ code }) => code)).toContain('FILE_DOES_NOT_EXIST');
  });

  it('for types of another module system is noticed', async () => {
    const files = { ...text, 'index.js': 'export const a = 1;' };
    const contents = Object.fromEntries(Object.entries(files).map(([name, data]) => [`/node_modules/broken/${name}`, data]));
    expect(await typeProblems(new Package(contents, 'broken', '1.0.0'))).toContain('FalseCJS');
  });
});

/** Kinds of problems. Our packages are ES modules, which Node 24 can require; what resolves as Node 10 did is out of use. */
async function typeProblems(pack: Package): Promise<string[]> {
  const result = await checkPackage(pack);
  if (result.types === false) return ['NoTypes'];
  return result.problems
    .filter((problem) => problem.kind !== 'CJSResolvesToESM' && !('resolutionKind' in problem && problem.resolutionKind === 'node10'))
    .map(({ kind }) => kind);
}
