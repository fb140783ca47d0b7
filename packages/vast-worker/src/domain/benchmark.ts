/** How fast the model server is: which requests to send, and what their answers say. */

export interface BenchmarkPlan {
  doWarmup: boolean;
  runs: number;
  /** Requests sent at once in each run. */
  concurrency: number;
}

/** One run: the workload of its successful answers, bodies read to the end, and how long all of it took. */
export interface BenchmarkRun {
  servedWorkload: number;
  seconds: number;
  successes: number;
}

/** A serial route never sees two requests at once, so it is measured with one. */
export function planBenchmark(
  options: { doWarmup: boolean; runs: number; concurrency: number },
  allowParallelRequests: boolean,
): BenchmarkPlan {
  return { ...options, concurrency: allowParallelRequests ? options.concurrency : 1 };
}

/**
 * Load per second: the median of the runs that had a success. The reference takes the maximum, which promises what the
 * worker reaches once in eight times. `undefined` when nothing succeeded: that is a failure, not a perf of zero.
 */
export function perfOf(runs: readonly BenchmarkRun[]): number | undefined {
  const rates = runs
    .filter((run) => run.successes > 0 && run.servedWorkload > 0)
    .map((run) => run.servedWorkload / Math.max(run.seconds, 1e-6))
    .sort((left, right) => left - right);
  if (rates.length === 0) return undefined;
  const middle = rates.length >> 1;
  const upper = rates[middle] as number;
  return rates.length % 2 === 1 ? upper : ((rates[middle - 1] as number) + upper) / 2;
}
