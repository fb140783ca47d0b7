/** How fast the model server is: which requests to send, and what their answers say. */

export interface BenchmarkPlan {
  doWarmup: boolean;
  runs: number;
  /** Requests sent at once in each run. */
  concurrency: number;
}

/** Sweeping goes on while twice the concurrency gives at least this much more. */
const worthwhileGrowth = 1.1;

/** What was measured at one concurrency. */
export interface SweepStep {
  concurrency: number;
  perf: number;
}

/**
 * Doubles the concurrency for as long as throughput grows with it.
 * @returns the next concurrency to try; undefined when throughput has stopped growing, or at the limit
 */
export function nextConcurrency(steps: readonly SweepStep[], limit: number): number | undefined {
  const [last, before] = [steps.at(-1), steps.at(-2)];
  if (!last) return 1;
  if (before && last.perf < before.perf * worthwhileGrowth) return undefined;
  return last.concurrency < limit ? Math.min(last.concurrency * 2, limit) : undefined;
}

/** The step with the highest throughput; the smaller concurrency among equals. */
export const bestStep = (steps: readonly SweepStep[]): SweepStep | undefined =>
  steps.reduce<SweepStep | undefined>((best, step) => (!best || step.perf > best.perf ? step : best), undefined);

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
