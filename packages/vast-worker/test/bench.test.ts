import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkBar, isMet } from '../bench/bar.ts';
import { coresOf } from '../bench/core-share.ts';
import { medianOf, type Results, scenarioText } from '../bench/results.ts';
import { percentiles, spreadOf } from '../bench/statistics.ts';

/** The bench, smallest of all: that everything in it runs and no request is lost. What it takes is not looked at. */
const script = fileURLToPath(new URL('../bench/main.ts', import.meta.url));

async function run(...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ['--conditions=@bluefly/source', script, ...args]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

describe('a small run', () => {
  let folder: string;
  let output: string;
  let results: Results;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
    const scenarios = 'small,small-256,one,open,large,streams-100,streams-500,aborts,memory,million';
    const targets = 'direct,copier,floor,worker,worker-without-metrics';
    const ran = await run(
      '--only',
      scenarios,
      '--targets',
      targets,
      '--scale',
      '0.004',
      '--rounds',
      '1',
      '--json',
      join(folder, 'results.json'),
    );
    output = ran.output;
    if (ran.code !== 0) throw new Error(output);
    results = JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')) as Results;
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('serves every request of every scenario, on every target', () => {
    const failed = results.scenarios.flatMap(({ name, targets }) =>
      targets.flatMap(({ name: target, figures }) =>
        ['failed', 'ended early', 'never seen']
          .filter((figure) => (figures[figure]?.max ?? 0) > 0)
          .map((figure) => `${name} ${target}: ${figure}`),
      ),
    );
    expect(failed).toEqual([]);
    expect(results.scenarios).toHaveLength(10);
  });

  it('measures what it says it measures', () => {
    for (const target of ['direct', 'copier', 'floor', 'worker']) {
      expect(medianOf(results, 'small', target, 'requests/s')).toBeGreaterThan(0);
      expect(medianOf(results, 'small', target, 'p99 ms')).toBeGreaterThanOrEqual(medianOf(results, 'small', target, 'p50 ms') as number);
    }
    expect(medianOf(results, 'memory', 'worker', 'idle MB')).toBeGreaterThan(20);
  });

  it('says on what machine, with what versions and by which command', () => {
    expect(Object.keys(results.about)).toEqual(['command', 'machine', 'node', 'date', 'stage']);
    expect(output).toContain(`node: ${process.version}`);
  });
});

describe('its command line', () => {
  it.each([
    ['--only', 'smal', 'small'],
    ['--targets', 'caddy', 'nginx'],
    ['--rounds', 'none', 'above 0'],
  ])('refuses %s %s with what it expects', async (option, value, expected) => {
    const { code, output } = await run(option, value);
    expect(code).toBe(2);
    expect(output).toContain(value);
    expect(output).toContain(expected);
  });
});

describe('the cores of a process', () => {
  it('are read from a list as Linux writes it', () => {
    expect(coresOf('0')).toEqual([0]);
    expect(coresOf('0-2,5,8-9')).toEqual([0, 1, 2, 5, 8, 9]);
  });
});

describe('its figures', () => {
  it('are medians with what lies around them', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ samples: [3, 1, 2], median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ samples: [4, 1, 2, 3], median: 2.5, min: 1, max: 4 });
    expect(percentiles(Array.from({ length: 100 }, (_, index) => 100 - index))).toEqual({ p50: 50, p90: 90, p99: 99, max: 100 });
    expect(percentiles([])).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
  });

  it('are held against the bar as far as they were measured, round by round', () => {
    const cpu = (...samples: number[]) => ({ 'CPU ms per 1000': spreadOf(samples) });
    const targets = [
      { name: 'floor', figures: cpu(50, 100, 55) },
      { name: 'worker', figures: cpu(61, 110, 110) },
    ];
    const results: Results = { about: { node: 'v24' }, scenarios: [{ name: 'small', title: 'a title', targets }] };
    const measured = checkBar(results).filter(({ value }) => value !== undefined);
    expect(measured).toEqual([{ what: 'small: CPU, worker / floor', value: 1.22, atMost: 1.2 }]);
    expect(measured.every(isMet)).toBe(false);
    expect(scenarioText({ name: 'small', title: 'a title', targets })).toContain('worker');
  });
});
