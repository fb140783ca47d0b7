/** How often, and how soon, a process that ended is started again. */

export interface RestartRules {
  /** In a row, without a steady run in between. */
  maxRestarts: number;
}

/** A run this long forgives every failure before it. Seconds. */
export const steadyRunSeconds = 300;
const firstDelayMs = 500;
const maximumDelayMs = 30_000;

export interface Failure {
  /** How long the run did what it is for, in seconds; 0 when it never did. */
  steadySeconds: number;
  /** Another start would end the same way. */
  isPermanent: boolean;
}

export interface RestartVerdict {
  /** Failures in a row, this one included; to be handed in at the next. */
  failures: number;
  /** undefined: not started again. */
  restartAfterMs: number | undefined;
}

/** @param failuresBefore in a row, as the last verdict said; 0 at first */
export function afterFailure(failuresBefore: number, failure: Failure, { maxRestarts }: RestartRules): RestartVerdict {
  const failures = failure.steadySeconds >= steadyRunSeconds ? 1 : failuresBefore + 1;
  if (failure.isPermanent || failures > maxRestarts) return { failures, restartAfterMs: undefined };
  return { failures, restartAfterMs: Math.min(firstDelayMs * 2 ** (failures - 1), maximumDelayMs) };
}
