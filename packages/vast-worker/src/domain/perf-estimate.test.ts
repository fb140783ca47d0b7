import { describe, expect, it } from 'vitest';
import {
  breakWindow,
  estimatedPerf,
  hasLearned,
  learnPerf,
  type PerfEstimate,
  startPerfEstimate,
  throughputShown,
} from './perf-estimate.ts';

/** Seconds of work, each with so much served. */
const play = (estimate: PerfEstimate, served: readonly number[]) => served.reduce((seen, load) => learnPerf(seen, load, 1), estimate);
const seconds = (count: number, load: number) => Array.from({ length: count }, () => load);

describe('perf learned from traffic', () => {
  it('is the initial figure until a window has shown another, then the best of the recent ones', () => {
    const start = startPerfEstimate(10);
    expect(estimatedPerf(play(start, seconds(4, 50)))).toBe(10);
    const learned = play(start, [...seconds(5, 50), ...seconds(5, 20)]);
    expect(estimatedPerf(learned)).toBe(50);
    expect(hasLearned(learned)).toBe(true);
    expect(estimatedPerf(play(learned, seconds(12 * 5, 30)))).toBe(30);
  });

  it('waits for the end of a long request instead of calling the model server slow', () => {
    const served = [...seconds(29, 0), 300];
    expect(play(startPerfEstimate(10), served).windows).toEqual([10]);
  });
});

describe('throughput shown after a benchmark', () => {
  it('is not believed before three full windows', () => {
    const start = startPerfEstimate(100);
    expect(throughputShown(play(start, seconds(14, 40)))).toBeUndefined();
    expect(throughputShown(play(start, seconds(15, 40)))).toBe(40);
  });

  it('forgets a window that was not full', () => {
    const almost = play(startPerfEstimate(100), seconds(14, 40));
    expect(throughputShown(play(breakWindow(almost), seconds(4, 40)))).toBeUndefined();
  });

  it('follows a model server that got slower, and is not led by one bad window', () => {
    const steady = play(startPerfEstimate(100), seconds(5 * 12, 100));
    expect(throughputShown(play(steady, seconds(5, 10)))).toBe(100);
    expect(throughputShown(play(steady, seconds(5 * 8, 30)))).toBe(30);
  });
});
