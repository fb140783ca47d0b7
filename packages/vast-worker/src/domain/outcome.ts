import type { ErrorCode } from '../errors.ts';
import type { Outcome } from './load-ledger.ts';

/** How requests end: the outcome for the books, the finer reason for metrics only. */

export interface Ending {
  outcome: Outcome;
  reason: string;
}

/**
 * By the model server's status. The reference counts every relayed answer as served, so that a model server which
 * answers 500 at once looks like the fastest; here 5xx, 424 (TEI's failing back end) and 429 (overload) are errored.
 */
export function endingOfStatus(status: number): Ending {
  if (status === 429) return { outcome: 'errored', reason: 'busy' };
  if (status === 424 || status >= 500) return { outcome: 'errored', reason: 'model_error' };
  return { outcome: 'served', reason: status >= 400 ? 'client_error' : 'ok' };
}

/** By the error that ended an admitted request. */
export function endingOfError(code: ErrorCode | undefined): Ending {
  switch (code) {
    case 'REQUEST_ABORTED':
      return { outcome: 'cancelled', reason: 'client_left' };
    case 'SESSION_UNKNOWN':
      return { outcome: 'cancelled', reason: 'session_ended' };
    case 'QUEUE_TIMEOUT':
      return { outcome: 'rejected', reason: 'queue_timeout' };
    case 'DEADLINE_UNREACHABLE':
      return { outcome: 'rejected', reason: 'deadline_unreachable' };
    case 'MODEL_SERVER_UNREACHABLE':
      return { outcome: 'errored', reason: 'unreachable' };
    case 'MODEL_SERVER_TIMEOUT':
      return { outcome: 'errored', reason: 'timeout' };
    case 'WORKER_DRAINING':
      return { outcome: 'errored', reason: 'drained' };
    default:
      return { outcome: 'errored', reason: 'handler_failed' };
  }
}
