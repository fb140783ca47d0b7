import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../packages/vast-worker/src/testing/index.ts';
import { licenceTexts } from './licences.ts';

describe('licence texts', () => {
  it('are those of every package, by name, each text once', async () => {
    await using folder = await temporaryFolder();
    const packageWith = (name: string, files: Record<string, string>) => {
      const path = join(folder.path, name);
      mkdirSync(path);
      for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
      return path;
    };
    const two = [packageWith('zod-4', { LICENSE: 'MIT text\n' }), packageWith('zod-3', { LICENSE: 'MIT text\n' })];
    const one = packageWith('a', { 'LICENCE.md': 'Apache text', NOTICE: 'Made by A', 'index.js': 'code' });
    const bare = packageWith('bare', {});
    const listing = {
      MIT: [
        { name: 'zod', versions: ['4.0.0', '3.0.0'], paths: two, license: 'MIT' },
        { name: 'bare', versions: ['1.0.0'], paths: [bare], license: 'MIT' },
      ],
      'Apache-2.0': [{ name: 'a', versions: ['1.0.0'], paths: [one], license: 'Apache-2.0' }],
    };
    expect(licenceTexts(listing)).toBe(
      [
        'a 1.0.0 (Apache-2.0)\n--------------------\n\nApache text\n\nMade by A\n',
        'bare 1.0.0 (MIT)\n----------------\n\nThe package has no licence text of its own.\n',
        'zod 4.0.0, 3.0.0 (MIT)\n----------------------\n\nMIT text\n',
      ].join('\n'),
    );
  });
});
