import { type FinishedBatch, FinishedRequests } from './finished-requests.ts';
import { addTo, type Placed, removeFrom } from './placed.ts';

/**
 * What this worker owes the control plane: open load, totals since start, and how much of the totals it has been told.
 *
 * The books, always: received = served + errored + cancelled + rejected + open.
 *
 * Entries are keyed by the object minted here at arrival, never by numbers a caller chose. Totals only grow; a report
 * carries the difference to the last acknowledged one, so load that arrives while a report is in flight is in the next.
 */

/** How an admitted request ends, once. */
export type Outcome = 'served' | 'errored' | 'cancelled' | 'rejected';

/** One authenticated request, from arrival to its end. */
export interface LedgerEntry extends Placed {
  /** In the worker's unit; exact in 1/1024. */
  readonly workload: number;
  /** The control plane's id of the request, echoed in reports; undefined: it does not know of the request. */
  readonly requestIdx: number | undefined;
  /** Requests inside a session are covered by the session's own entry: not in `cur_load`, not in deletions. */
  readonly inSession: boolean;
  /** A session's own entry: it reserves load and does no work, so nobody waits behind it. */
  readonly isReservation: boolean;
  /** Epoch seconds. */
  readonly enteredQueueAt: number;
  /** Epoch seconds; 0 until its turn came. */
  workStartedAt: number;
  outcome: Outcome | undefined;
}

/** One that the control plane knows of, and is told the end of. */
export type RoutedEntry = LedgerEntry & { readonly requestIdx: number };

const isKnownToControlPlane = (entry: LedgerEntry): entry is RoutedEntry => entry.requestIdx !== undefined;

/** Sums of workload and counts since start. */
export interface Tally {
  received: number;
  served: number;
  errored: number;
  cancelled: number;
  rejected: number;
}

/** What one report carries, and what its acknowledgement settles. */
export interface Interval {
  totals: Tally;
  newLoad: number;
  servedLoad: number;
  rejectedLoad: number;
}

/** Deletions beyond this are dropped, oldest first, and counted: a control plane that is gone for hours may not fill our memory. */
export const maxUnreportedDeletions = 100_000;

export class LoadLedger {
  readonly totals: Tally = emptyTally();
  /** Requests received since start, refused ones included. */
  requestCount = 0;
  /** Sum over every open entry. */
  openLoad = 0;
  /** Sum over open entries that are work; what admission looks at. */
  workingLoad = 0;
  /** Sum over open entries outside sessions; `cur_load` on the wire. */
  reportedOpenLoad = 0;
  droppedDeletions = 0;

  readonly #open: LedgerEntry[] = [];
  readonly #finished = new FinishedRequests(maxUnreportedDeletions);
  readonly #keepDeletions: boolean;
  #acknowledged: Tally = emptyTally();
  #acknowledgedNewLoad = 0;

  /** @param options.keepDeletions false when there is nobody to report finished requests to. */
  constructor(options: { keepDeletions: boolean }) {
    this.#keepDeletions = options.keepDeletions;
  }

  /** An authenticated request is let in. The entry must be ended exactly once; ending it again changes nothing. */
  admit(entry: LedgerEntry): void {
    this.requestCount += 1;
    this.totals.received += entry.workload;
    this.openLoad += entry.workload;
    if (!entry.isReservation) this.workingLoad += entry.workload;
    if (!entry.inSession) this.reportedOpenLoad += entry.workload;
    addTo(this.#open, entry);
  }

  /** An authenticated request is refused at the door. */
  reject(entry: LedgerEntry): void {
    this.requestCount += 1;
    this.totals.received += entry.workload;
    this.totals.rejected += entry.workload;
    entry.outcome = 'rejected';
    this.#noteFinished(entry, 0);
  }

  /** @returns false when the entry had ended before: the first ending counts. */
  end(entry: LedgerEntry, outcome: Outcome, nowSeconds: number): boolean {
    if (!removeFrom(this.#open, entry)) return false;
    entry.outcome = outcome;
    this.openLoad -= entry.workload;
    if (!entry.isReservation) this.workingLoad -= entry.workload;
    if (!entry.inSession) this.reportedOpenLoad -= entry.workload;
    this.totals[outcome] += entry.workload;
    this.#noteFinished(entry, outcome === 'served' || outcome === 'errored' ? nowSeconds : 0);
    return true;
  }

  get openCount(): number {
    return this.#open.length;
  }

  /** What is admitted and has not ended, in no order. */
  openEntries(): readonly LedgerEntry[] {
    return [...this.#open];
  }

  /** Of open entries outside sessions that the control plane knows, in no order. */
  workingRequestIdxs(): number[] {
    const idxs: number[] = [];
    for (const { inSession, requestIdx } of this.#open) if (!inSession && requestIdx !== undefined) idxs.push(requestIdx);
    return idxs;
  }

  /** Open entries outside sessions, those the control plane does not know of included. */
  get workingCount(): number {
    let count = 0;
    for (const { inSession } of this.#open) if (!inSession) count += 1;
    return count;
  }

  /**
   * What a report taken now would carry. `newLoad` is what came in and stayed (received − rejected − cancelled); it never
   * goes below zero on the wire: cancelling work that an earlier report carried lowers the next ones instead.
   */
  takeInterval(): Interval {
    const { totals } = this;
    return {
      totals: { ...totals },
      newLoad: Math.max(netReceived(totals) - this.#acknowledgedNewLoad, 0),
      servedLoad: totals.served - this.#acknowledged.served,
      rejectedLoad: totals.rejected - this.#acknowledged.rejected,
    };
  }

  /** The control plane has `interval`: subtract what it carried, nothing else. */
  acknowledgeInterval(interval: Interval): void {
    this.#acknowledged = interval.totals;
    this.#acknowledgedNewLoad += interval.newLoad;
  }

  get unreportedDeletions(): number {
    return this.#finished.length;
  }

  /** The oldest finished requests, at most `limit`. They stay until acknowledged. */
  takeDeletions(limit: number): FinishedBatch {
    return this.#finished.take(limit);
  }

  /** The control plane has these. */
  acknowledgeDeletions(delivered: Pick<FinishedBatch, 'through'>): void {
    this.#finished.acknowledge(delivered);
  }

  #noteFinished(entry: LedgerEntry, workCompletedAt: number): void {
    if (!this.#keepDeletions || entry.inSession || !isKnownToControlPlane(entry)) return;
    if (!this.#finished.note(entry, entry.outcome as Outcome, workCompletedAt)) this.droppedDeletions += 1;
  }
}

const netReceived = (totals: Tally) => totals.received - totals.rejected - totals.cancelled;

function emptyTally(): Tally {
  return { received: 0, served: 0, errored: 0, cancelled: 0, rejected: 0 };
}
