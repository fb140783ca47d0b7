import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../src/errors.ts';
import { startRig } from '../src/testing/index.ts';
import { WorkerConfig } from '../src/worker/config.ts';
import { environmentVariables } from '../src/worker/environment.ts';
import { HandlerConfig } from '../src/worker/handler-config.ts';

/** Rows of the table under a heading: cells without the backquotes. */
async function table(heading: string): Promise<string[][]> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const plain = (text: string | undefined) => (text ?? '').replaceAll('`', '');

describe('the README', () => {
  it('has every error with its status and words', async () => {
    const rows = (await table('Errors')).map(([code, status, message]) => [plain(code), Number(status), message]);
    expect(rows).toEqual(Object.entries(errorCatalogue).map(([code, { status, safeMessage }]) => [code, status, safeMessage]));
  });

  it('has every variable with its default and meaning', async () => {
    const rows = (await table('Environment')).map((cells) => cells.map(plain));
    expect(rows).toEqual(environmentVariables.map(({ name, fallback, meaning }) => [name, plain(fallback), plain(meaning)]));
  });

  it('has every option of worker and handlers', async () => {
    const names = async (heading: string) => (await table(heading)).flatMap(([cell]) => plain(cell).split(', ')).sort();
    expect(await names('Worker options')).toEqual(Object.keys(WorkerConfig.shape).sort());
    expect(await names('Handlers')).toEqual(Object.keys(HandlerConfig.shape).sort());
  });

  it('has every metric of ours, and no other', async () => {
    await using rig = await startRig();
    const shown = (await rig.get('/metrics')).text;
    const ours = [...shown.matchAll(/^# HELP (vast_worker_\S+) (.*)$/gm)].filter(([, name]) => !/_(process|nodejs)_/.test(name ?? ''));
    const rows = (await table('Metrics')).map(([name, help]) => [plain(name), help] as const);
    expect(new Map(rows)).toEqual(new Map(ours.map(([, name, help]) => [name, help] as const)));
  });
});
