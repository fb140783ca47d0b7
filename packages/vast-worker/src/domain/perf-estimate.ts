/**
 * Load per second learned from traffic. Time counts only while requests are open, in windows of a few busy seconds.
 *
 * Where nothing can be benchmarked, the figure is the best of the recent windows, since a window that was not full says
 * little about what the model server could do. After a benchmark only full windows count, in which work was waiting all
 * along, and the figure is their median: it follows a model server that got slower as well as one that got faster.
 */
export interface PerfEstimate {
  /** The figure until the first full window. */
  readonly initialPerf: number;
  readonly windows: readonly number[];
  readonly busySeconds: number;
  readonly servedLoad: number;
}

const windowBusySeconds = 5;
/** A window in which nothing was served goes on: a long request shows at its end. */
const longestWindowSeconds = 60;
/** Full windows until they are believed more than the benchmark. */
const windowsToBelieve = 3;
const windowsKept = 12;

export const startPerfEstimate = (initialPerf: number): PerfEstimate => ({
  initialPerf,
  windows: [],
  busySeconds: 0,
  servedLoad: 0,
});

/** Adds what was served while the worker was busy for `busySeconds` more. */
export function learnPerf(estimate: PerfEstimate, servedLoad: number, busySeconds: number): PerfEstimate {
  const busy = estimate.busySeconds + busySeconds;
  const served = estimate.servedLoad + servedLoad;
  if (busy < windowBusySeconds || (served === 0 && busy < longestWindowSeconds))
    return { ...estimate, busySeconds: busy, servedLoad: served };
  const windows = [...estimate.windows, served / busy].slice(-windowsKept);
  return { ...estimate, windows, busySeconds: 0, servedLoad: 0 };
}

export function estimatedPerf(estimate: PerfEstimate): number {
  const best = Math.max(0, ...estimate.windows);
  return best > 0 ? best : estimate.initialPerf;
}

/** True once the figure comes from traffic and not from `initialPerf`. */
export const hasLearned = (estimate: PerfEstimate): boolean => estimate.windows.some((perf) => perf > 0);

/** The window is not full: what it held so far says nothing. */
export const breakWindow = (estimate: PerfEstimate): PerfEstimate => ({ ...estimate, busySeconds: 0, servedLoad: 0 });

/** What full windows show; undefined while there are too few. */
export function throughputShown({ windows }: PerfEstimate): number | undefined {
  if (windows.length < windowsToBelieve) return undefined;
  const sorted = windows.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
