import { describe, expect, it } from 'vitest';
import { bestStep, nextConcurrency, perfOf, planBenchmark } from './benchmark.ts';

const run = (servedWorkload: number, seconds = 1) => ({ servedWorkload, seconds, successes: servedWorkload > 0 ? 1 : 0 });

describe('benchmark', () => {
  it('is the median of the runs that had a success', () => {
    expect(perfOf([run(10), run(30), run(20)])).toBe(20);
    expect(perfOf([run(10), run(40), run(0), run(20, 0.5), run(20)])).toBe(30);
    expect(perfOf([run(100, 4)])).toBe(25);
  });

  it('fails when nothing succeeded', () => {
    expect(perfOf([])).toBeUndefined();
    expect(perfOf([run(0), run(0)])).toBeUndefined();
  });

  it('sends one request at a time to a serial route', () => {
    expect(planBenchmark({ runs: 8, concurrency: 10, doWarmup: true }, false).concurrency).toBe(1);
    expect(planBenchmark({ runs: 8, concurrency: 10, doWarmup: true }, true).concurrency).toBe(10);
  });

  it('doubles the concurrency until throughput stops growing, and takes the best', () => {
    const steps: { concurrency: number; perf: number }[] = [];
    const throughput = (concurrency: number) => Math.min(concurrency, 10) * 5; // saturates at ten
    for (let next = nextConcurrency(steps, 64); next !== undefined; next = nextConcurrency(steps, 64)) {
      steps.push({ concurrency: next, perf: throughput(next) });
    }
    expect(steps.map(({ concurrency }) => concurrency)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(bestStep(steps)).toEqual({ concurrency: 16, perf: 50 });
    expect(nextConcurrency([{ concurrency: 6, perf: 1 }], 8)).toBe(8);
    expect(nextConcurrency([{ concurrency: 8, perf: 1 }], 8)).toBeUndefined();
  });
});
