import type { Phase } from './readiness.ts';

/** Who may come in: (phase, load, limits) → admitted, or refused with a reason. */

const refusals = ['WORKER_NOT_READY', 'WORKER_DRAINING', 'QUEUE_TOO_LONG'] as const;
export type Refusal = (typeof refusals)[number];

/** Refusals of admission are in the books; what is refused before it is not. */
export const isRefusal = (code: string): code is Refusal => refusals.includes(code as Refusal);

export interface AdmissionInput {
  phase: Phase;
  /** Σ workload of open requests, those inside sessions included, reservations not. */
  workingLoad: number;
  /** Load per second. */
  perf: number;
  /** Seconds; null = any wait is fine. */
  maxQueueTime: number | null;
}

/** `undefined` means admitted. The arriving request's own workload is not part of the wait: an idle worker takes any size. */
export function refuse({ phase, workingLoad, perf, maxQueueTime }: AdmissionInput): Refusal | undefined {
  if (phase === 'draining') return 'WORKER_DRAINING';
  if (phase !== 'ready') return 'WORKER_NOT_READY';
  if (maxQueueTime !== null && estimateWaitSeconds(workingLoad, perf) > maxQueueTime) return 'QUEUE_TOO_LONG';
  return undefined;
}

/** Seconds a request arriving now would wait. */
export function estimateWaitSeconds(workingLoad: number, perf: number): number {
  return workingLoad / Math.max(perf, 1e-5);
}
