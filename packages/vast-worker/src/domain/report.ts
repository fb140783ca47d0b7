import { type FinishedRequestReport, protocolVersion, type WorkerStatus } from '@bluefly/vast-protocol';
import type { FinishedRequest } from './finished-requests.ts';
import type { Interval, LoadLedger, Outcome } from './load-ledger.ts';

/** The ledger in the wire's words. */

export interface Identity {
  /** `CONTAINER_ID`. */
  id: number;
  masterToken: string;
  /** What clients are sent to, and what the control plane signs. */
  url: string;
}

export interface StatusFacts {
  interval: Interval;
  /** Seconds from start to ready; 0 until then. Repeated in every report, as the reference's code does. */
  loadSeconds: number;
  /** Load per second; 0 until ready. */
  perf: number;
  /** Empty = healthy. */
  errorMessage: string;
  /** GiB since the last acknowledged report. */
  diskUsageDelta: number;
}

export function workerStatus(ledger: LoadLedger, identity: Identity, facts: StatusFacts): WorkerStatus {
  return {
    id: identity.id,
    mtoken: identity.masterToken,
    version: protocolVersion,
    loadtime: facts.loadSeconds,
    cur_load: ledger.reportedOpenLoad,
    rej_load: facts.interval.rejectedLoad,
    new_load: facts.interval.newLoad,
    error_msg: facts.errorMessage,
    max_perf: facts.perf,
    cur_perf: facts.interval.servedLoad,
    cur_capacity: 0,
    max_capacity: 0,
    num_requests_working: ledger.workingCount,
    num_requests_recieved: ledger.requestCount,
    additional_disk_usage: facts.diskUsageDelta,
    working_request_idxs: ledger.workingRequestIdxs(),
    url: identity.url,
  };
}

/** The wire counts a cancelled request as a success: the worker did nothing wrong. */
const wireOutcome: Record<Outcome, Pick<FinishedRequestReport, 'status' | 'success'>> = {
  served: { status: 'Success', success: true },
  errored: { status: 'Error', success: false },
  cancelled: { status: 'Cancelled', success: true },
  rejected: { status: 'Rejected', success: false },
};

export function finishedRequestReport(request: FinishedRequest): FinishedRequestReport {
  return {
    request_idx: request.requestIdx,
    success: wireOutcome[request.outcome].success,
    status: wireOutcome[request.outcome].status,
    entered_queue_at: request.enteredQueueAt,
    work_started_at: request.workStartedAt,
    work_completed_at: request.workCompletedAt,
  };
}
