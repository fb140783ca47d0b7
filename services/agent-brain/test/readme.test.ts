import { readFileSync } from 'node:fs';
import { startRig } from '@bluefly/vast-worker/testing';
import { describe, expect, it } from 'vitest';
import { agentBrainConfig } from '../src/config.ts';
import { EmbeddingCache } from '../src/embedding-cache.ts';
import { workloadUnits } from '../src/embedding-workload.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Rows of the table that begins with this cell, without the backquotes. */
function table(first: string): string[][] {
  const rows = readme.slice(readme.search(new RegExp(`^\\| ${first} +\\|`, 'm'))).split('\n');
  return rows
    .slice(
      2,
      rows.findIndex((row) => !row.startsWith('|')),
    )
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

describe('the README', () => {
  it('has an example that is answered', async () => {
    const body = /embeddings -d '(.*)'/.exec(readme)?.[1] as string;
    await using rig = await startRig({ handlers: agentBrainConfig({}).handlers });
    expect((await rig.send('/v1/embeddings', body)).json()).toEqual({ echo: '{"input":["hello"]}' });
  });

  it('has every route and setting', () => {
    expect(table('Route').map(([route]) => route)).toEqual(agentBrainConfig({}).handlers.map(({ route }) => route));
    const settings = table('Setting');
    expect(settings.map(([name, fallback]) => [name, fallback])).toEqual([
      ['WORKLOAD_UNIT', agentBrainConfig({}).workloadUnit],
      ['MODEL_ID', 'none'],
      ['EMBEDDING_CACHE_MIB', '0'],
    ]);
    for (const unit of workloadUnits) expect(settings[0]?.[2]).toContain(`${unit} =`);
  });

  it('has every metric of the cache', async () => {
    const metrics = await new EmbeddingCache(1).metrics.getMetricsAsJSON();
    expect(Object.fromEntries(table('Metric'))).toEqual(Object.fromEntries(metrics.map(({ name, help }) => [name, help])));
  });
});
