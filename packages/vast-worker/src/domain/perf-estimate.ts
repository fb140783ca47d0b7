/**
 * Load per second learned from traffic, for handlers that nothing can benchmark. Time counts only while requests are
 * open, in windows of a few busy seconds; the figure is the best of the recent windows, since a window that was not
 * full says little about what the model server could do.
 */
export interface PerfEstimate {
  /** The figure until the first full window. */
  readonly initialPerf: number;
  readonly windows: readonly number[];
  readonly busySeconds: number;
  readonly servedLoad: number;
}

const windowBusySeconds = 5;
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
  if (busy < windowBusySeconds) return { ...estimate, busySeconds: busy, servedLoad: served };
  const windows = [...estimate.windows, served / busy].slice(-windowsKept);
  return { ...estimate, windows, busySeconds: 0, servedLoad: 0 };
}

export function estimatedPerf(estimate: PerfEstimate): number {
  const best = Math.max(0, ...estimate.windows);
  return best > 0 ? best : estimate.initialPerf;
}

/** True once the figure comes from traffic and not from `initialPerf`. */
export const hasLearned = (estimate: PerfEstimate): boolean => estimate.windows.some((perf) => perf > 0);
