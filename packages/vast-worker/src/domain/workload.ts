/** The cost of one request in the worker's unit, whatever a calculator may return. */

/** Counted when a calculator throws or returns no usable number; the reference worker's default too. */
export const defaultWorkload = 100;

/** Larger workloads are cut to this: sums of them would lose exactness. */
export const maxWorkload = 1e9;

const quantum = 1024;

export interface MeasuredWorkload {
  workload: number;
  /** False when `defaultWorkload` stood in; a metric counts those. */
  measured: boolean;
}

/**
 * Runs a route's calculator. Throwing, NaN, infinite and negative results and what is no number count as
 * `defaultWorkload`. Results are rounded to 1/1024 so that sums of loads are exact and books balance to the last bit.
 */
export function measureWorkload<Payload>(calculator: ((payload: Payload) => number) | undefined, payload: Payload): MeasuredWorkload {
  if (!calculator) return { workload: defaultWorkload, measured: true };
  let value: unknown;
  try {
    value = calculator(payload);
  } catch {
    value = Number.NaN;
  }
  if (typeof value !== 'number' || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    return { workload: defaultWorkload, measured: false };
  }
  return { workload: exactWorkload(Math.min(value, maxWorkload)), measured: true };
}

export const exactWorkload = (value: number): number => Math.round(value * quantum) / quantum;
