import type { Phase } from './readiness.ts';

/** Who may come in: (phase, load, limits) → admitted, or refused with a reason and when to come again. */

const refusals = ['WORKER_NOT_READY', 'WORKER_DRAINING', 'QUEUE_TOO_LONG', 'QUEUE_FULL', 'DEADLINE_UNREACHABLE', 'SHARE_EXCEEDED'] as const;
export type RefusalCode = (typeof refusals)[number];

/** Refusals of admission are in the books; what is refused before it is not. */
export const isRefusal = (code: string): code is RefusalCode => refusals.includes(code as RefusalCode);

export interface Refusal {
  code: RefusalCode;
  /** For `Retry-After`: whole seconds, 1 to 60. */
  retryAfterSeconds: number;
}

export interface AdmissionInput {
  phase: Phase;
  /** Σ workload of open requests, those inside sessions included, reservations not. */
  workingLoad: number;
  /** Load per second that the model server is known to get through. */
  throughput: number;
  /** Seconds; null = any wait is fine. */
  maxQueueTime: number | null;
  /** Requests of the route's lane that wait for their turn. */
  waitingCount: number;
  maxQueueLength: number;
  /** Whether the request would have to wait for its turn. */
  hasToWait: boolean;
  /** Seconds within which the caller wants its turn; undefined: no matter. */
  deadlineSeconds: number | undefined;
  /** Only of callers that are told apart. */
  share: Share | undefined;
}

export interface Share {
  /** Σ workload of this caller's open requests. */
  callerLoad: number;
  /** Callers with open requests, this one included. */
  callers: number;
}

/** `undefined` means admitted. The arriving request's own workload is not part of the wait: an idle worker takes any size. */
export function refuse(input: AdmissionInput): Refusal | undefined {
  if (input.phase === 'draining') return refusal('WORKER_DRAINING', 1);
  if (input.phase !== 'ready') return refusal('WORKER_NOT_READY', notReadySeconds);
  const { maxQueueTime, workingLoad, deadlineSeconds } = input;
  const waitSeconds = estimateWaitSeconds(workingLoad, input.throughput);
  if (input.hasToWait && input.waitingCount >= input.maxQueueLength) {
    return refusal('QUEUE_FULL', waitSeconds / (input.waitingCount + 1));
  }
  if (maxQueueTime !== null && waitSeconds > maxQueueTime) return refusal('QUEUE_TOO_LONG', waitSeconds - maxQueueTime);
  if (deadlineSeconds !== undefined && waitSeconds > deadlineSeconds) return refusal('DEADLINE_UNREACHABLE', waitSeconds - deadlineSeconds);
  if (input.share && exceedsShare(input.share, workingLoad, waitSeconds, maxQueueTime)) {
    return refusal('SHARE_EXCEEDED', waitSeconds - (maxQueueTime ?? 0) * contestedFrom);
  }
  return undefined;
}

/**
 * From half of the longest wait on, places go to those who have less than an equal share of the open load: one caller may
 * fill an idle worker, and never the places of all.
 */
function exceedsShare({ callerLoad, callers }: Share, workingLoad: number, waitSeconds: number, maxQueueTime: number | null): boolean {
  if (maxQueueTime === null || waitSeconds <= maxQueueTime * contestedFrom) return false;
  return callerLoad >= workingLoad / Math.max(callers, 2);
}

const contestedFrom = 0.5;
const notReadySeconds = 10;

const refusal = (code: RefusalCode, seconds: number): Refusal => ({
  code,
  retryAfterSeconds: Math.min(Math.max(Math.ceil(seconds), 1), 60),
});

/** Seconds a request arriving now would wait. */
export function estimateWaitSeconds(workingLoad: number, throughput: number): number {
  return workingLoad / Math.max(throughput, 1e-5);
}
