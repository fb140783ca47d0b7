/** Figures from samples. */

export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** By the nearest rank; all 0 where there are no samples. */
export function percentiles(samples: readonly number[]): Percentiles {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** The middle of the rounds, and how far they lie apart. */
export interface Spread {
  /** In the order of the rounds. */
  samples: readonly number[];
  median: number;
  min: number;
  max: number;
}

/** NaN where there are no samples. */
export function spreadOf(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median =
    sorted.length % 2 === 1
      ? (sorted[Math.floor(middle)] as number)
      : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
  return { samples, median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}
