import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startProcess, startRig, temporaryFolder } from '../../packages/vast-worker/src/testing/index.ts';
import { hasProgram, pathOf, readYaml, runProgram } from '../tools.ts';

const hasPromtool = hasProgram('promtool', ['--version'], 'apt-get install prometheus');
const dashboard = JSON.parse(readFileSync(pathOf('grafana/dashboards/workers.json'), 'utf8'));
const queries: { title: string; expr: string }[] = dashboard.panels.flatMap(({ title, targets }: any) =>
  targets.map(({ expr }: any) => ({ title, expr })),
);

/** Names on `# TYPE` lines, and those that histograms add. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name, type]) =>
    type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ) as string[];
}

/** What the embedded model server, which keeps the names of the real ones, shows in a dialect. */
async function modelMetrics(dialect: 'tei' | 'vllm', ready: string): Promise<string> {
  const main = new URL('../../packages/cpu-model-server/src/main.ts', import.meta.url);
  await using server = startProcess(main, { NO_COLOR: '1' }, ['--dialect', dialect, '--port', '0']);
  await server.said(ready);
  const port = /127\.0\.0\.1:(\d+)/.exec(server.output())?.[1];
  const body = dialect === 'tei' ? { inputs: 'hello' } : { prompt: 'hello', max_tokens: 1 };
  const headers = { 'content-type': 'application/json' };
  // some figures begin with the first request
  await fetch(`http://127.0.0.1:${port}${dialect === 'tei' ? '/embed' : '/v1/completions'}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  return await answer.text();
}

describe('the dashboard', () => {
  it('asks for metrics that exist, of workers, text-embeddings-inference and vLLM', async () => {
    await using rig = await startRig();
    const texts = await Promise.all([
      rig.get('/metrics').then(({ text }) => text),
      modelMetrics('tei', ': Ready'),
      modelMetrics('vllm', 'Application startup complete.'),
    ]);
    const known = new Set(texts.flatMap(namesIn));
    const named = queries.map(({ title, expr }) => ({ title, names: expr.match(/(?<![\w$])(?:vast_worker_|te_|vllm:)[\w:]+/g) ?? [] }));
    expect(named.filter(({ names }) => names.length === 0)).toEqual([]);
    const unknown = named.flatMap(({ title, names }) => names.filter((name) => !known.has(name)).map((name) => `${title}: ${name}`));
    expect(unknown).toEqual([]);
  });

  it.skipIf(!hasPromtool)('asks in PromQL', async () => {
    await using folder = await temporaryFolder();
    const rules = queries.map(({ expr }, index) => ({
      record: `query${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*'),
    }));
    await writeFile(join(folder.path, 'rules.yml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { status, output } = runProgram('promtool', ['check', 'rules', 'rules.yml'], folder.path);
    expect([status, output]).toEqual([0, expect.stringContaining(`${queries.length} rules found`)]);
  });

  it('lets one choose services and workers, and every query keeps to the choice', () => {
    expect(dashboard.templating.list.map(({ name }: any) => name)).toEqual(['service', 'instance']);
    for (const { title, expr } of queries) {
      const selectors = expr.match(/\{[^}]*\}/g) ?? [];
      expect([title, selectors.length > 0 && selectors.every((one) => one.includes('service=~"$service",instance=~"$instance"'))]).toEqual([
        title,
        true,
      ]);
    }
  });

  it('has panels that do not overlap, each with an id of its own', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }: any) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }: any) => id)).size).toBe(dashboard.panels.length);
  });

  it('reads the data source that is provisioned', () => {
    const [source] = readYaml<any>('grafana/provisioning/datasources/prometheus.yml').datasources;
    for (const { datasource } of dashboard.panels) expect(datasource.uid).toBe(source.uid);
    const { services } = readYaml<any>('compose.yaml');
    expect(source.url).toBe('http://prometheus:9090');
    expect(services.grafana.volumes).toContain('./grafana/dashboards:/var/lib/grafana/dashboards:ro');
    expect(readYaml<any>('grafana/provisioning/dashboards/workers.yml').providers[0].options.path).toBe('/var/lib/grafana/dashboards');
  });
});
