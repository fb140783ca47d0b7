import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LedgerEntry, LoadLedger, maxUnreportedDeletions, type Outcome } from './load-ledger.ts';

const entry = (workload: number, requestIdx = 1, inSession = false): LedgerEntry => ({
  workload,
  requestIdx,
  inSession,
  isReservation: false,
  enteredQueueAt: 1_786_000_000,
  workStartedAt: 0,
  outcome: undefined,
});

const open = (ledger: LoadLedger, ...entries: LedgerEntry[]) => {
  for (const one of entries) ledger.admit(one);
  return entries;
};

describe('load ledger', () => {
  it('counts a request once when both the client and the model server hang up', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const [request] = open(ledger, entry(40)) as [LedgerEntry];

    expect(ledger.end(request, 'cancelled', 1)).toBe(true);
    expect(ledger.end(request, 'errored', 2)).toBe(false);

    expect(ledger.totals).toEqual({ received: 40, served: 0, errored: 0, cancelled: 40, rejected: 0 });
    expect(ledger.takeDeletions(10).requests).toHaveLength(1);
  });

  it('keeps requests apart that share the number a caller chose', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const [first] = open(ledger, entry(10, 7), entry(20, 7)) as [LedgerEntry, LedgerEntry];

    expect(ledger.reportedOpenLoad).toBe(30);
    ledger.end(first, 'served', 1);

    expect(ledger.reportedOpenLoad).toBe(20);
    expect(ledger.workingRequestIdxs()).toEqual([7]);
  });

  it('counts a request that the control plane does not know of as load, and tells it of no such number', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const direct = { ...entry(40), requestIdx: undefined };
    const [, routed] = open(ledger, direct, entry(20, 7)) as [LedgerEntry, LedgerEntry];

    expect(ledger.reportedOpenLoad).toBe(60);
    expect(ledger.workingCount).toBe(2);
    expect(ledger.workingRequestIdxs()).toEqual([7]);
    expect(ledger.takeInterval().newLoad).toBe(60);
    ledger.end(direct, 'served', 1);
    ledger.reject({ ...entry(5), requestIdx: undefined });
    expect(ledger.takeInterval()).toMatchObject({ servedLoad: 40, rejectedLoad: 5 });
    expect(ledger.takeDeletions(10).requests).toEqual([]);
    ledger.end(routed, 'served', 1); // the control: one that it knows of
    expect(ledger.takeDeletions(10).requests).toMatchObject([{ requestIdx: 7 }]);
  });

  it('keeps load that arrives while a report is in flight for the next report', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    open(ledger, entry(400));
    const first = ledger.takeInterval();
    open(ledger, entry(1200));
    ledger.acknowledgeInterval(first);

    expect(first.newLoad).toBe(400);
    expect(ledger.takeInterval().newLoad).toBe(1200);
  });

  it('reports again what a failed report carried', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    open(ledger, entry(400));
    ledger.takeInterval();

    expect(ledger.takeInterval().newLoad).toBe(400);
  });

  it('lowers later reports by load that was cancelled after it was reported, and never goes below zero', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const [request] = open(ledger, entry(100)) as [LedgerEntry];
    ledger.acknowledgeInterval(ledger.takeInterval());
    ledger.end(request, 'cancelled', 1);

    const afterCancel = ledger.takeInterval();
    expect(afterCancel.newLoad).toBe(0);
    ledger.acknowledgeInterval(afterCancel);
    open(ledger, entry(130));
    expect(ledger.takeInterval().newLoad).toBe(30);
  });

  it('puts a queue time-out into rejected load and not into new load', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const [request] = open(ledger, entry(8)) as [LedgerEntry];
    ledger.end(request, 'rejected', 1);

    expect(ledger.takeInterval()).toMatchObject({ newLoad: 0, rejectedLoad: 8 });
    expect(ledger.takeDeletions(1).requests).toMatchObject([{ outcome: 'rejected', workCompletedAt: 0 }]);
  });

  it('reports requests of sessions in the totals and nowhere else', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const [request] = open(ledger, entry(5, 1, true)) as [LedgerEntry];

    expect(ledger.openLoad).toBe(5);
    expect(ledger.reportedOpenLoad).toBe(0);
    expect(ledger.workingRequestIdxs()).toEqual([]);
    ledger.end(request, 'served', 1);
    expect(ledger.takeDeletions(1).requests).toEqual([]);
    expect(ledger.totals.served).toBe(5);
  });

  it('removes delivered deletions by identity, so that a later request with the same number is still reported', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    const [first] = open(ledger, entry(1, 9)) as [LedgerEntry];
    ledger.end(first, 'served', 1);
    const batch = ledger.takeDeletions(10);
    const [second] = open(ledger, entry(1, 9)) as [LedgerEntry];
    ledger.end(second, 'errored', 2);
    ledger.acknowledgeDeletions(batch);

    expect(ledger.takeDeletions(10).requests).toMatchObject([{ requestIdx: 9, outcome: 'errored', workCompletedAt: 2 }]);
  });

  it('forgets the oldest finished requests, and counts them, when nobody takes them', () => {
    const ledger = new LoadLedger({ keepDeletions: true });
    for (let idx = 0; idx <= maxUnreportedDeletions; idx += 1) ledger.reject(entry(1, idx));

    expect(ledger.unreportedDeletions).toBe(maxUnreportedDeletions);
    expect(ledger.droppedDeletions).toBe(1);
    expect(ledger.takeDeletions(1).requests).toMatchObject([{ requestIdx: 1 }]);
  });

  it('never loses or invents load in 100,000 random steps, whatever the order of events and the fate of reports', () => {
    const outcomes: Outcome[] = ['served', 'errored', 'cancelled', 'rejected'];
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('admit' as const), workload: workloads, inSession: fc.boolean() }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat(), outcome: fc.constantFrom(...outcomes) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('reject' as const), workload: workloads }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('answer' as const), accepted: fc.boolean() }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('delete' as const), accepted: fc.boolean(), limit: fc.integer({ min: 1, max: 20 }) }),
      },
    );
    let steps = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1000, maxLength: 1000 }), (script) => {
        steps += script.length;
        playAndCheck(script);
      }),
      { numRuns: 100 },
    );
    expect(steps).toBeGreaterThanOrEqual(100_000);
  });
});

const workloads = fc.integer({ min: 0, max: 50_000_000 }).map((units) => units / 1024);

type Step =
  | { do: 'admit'; workload: number; inSession: boolean }
  | { do: 'end'; pick: number; outcome: Outcome }
  | { do: 'reject'; workload: number }
  | { do: 'take' }
  | { do: 'answer'; accepted: boolean }
  | { do: 'delete'; accepted: boolean; limit: number };

/** Plays the steps against the ledger and an independent count, and compares the two after each. */
function playAndCheck(script: Step[]): void {
  const ledger = new LoadLedger({ keepDeletions: true });
  const openEntries: LedgerEntry[] = [];
  const sums = { received: 0, served: 0, errored: 0, cancelled: 0, rejected: 0 };
  const told = { newLoad: 0, served: 0, rejected: 0 };
  let inFlight: ReturnType<LoadLedger['takeInterval']> | undefined;
  let endedOutsideSessions = 0;
  let delivered = 0;

  for (const step of script) {
    switch (step.do) {
      case 'admit': {
        const one = entry(step.workload, 1, step.inSession);
        ledger.admit(one);
        openEntries.push(one);
        sums.received += step.workload;
        break;
      }
      case 'reject':
        ledger.reject(entry(step.workload));
        sums.received += step.workload;
        sums.rejected += step.workload;
        endedOutsideSessions += 1;
        break;
      case 'end': {
        const [one] = openEntries.splice(step.pick % Math.max(openEntries.length, 1), 1);
        if (!one) break;
        ledger.end(one, step.outcome, 1);
        ledger.end(one, 'served', 2); // a second ending changes nothing
        sums[step.outcome] += one.workload;
        if (!one.inSession) endedOutsideSessions += 1;
        break;
      }
      case 'take':
        inFlight = ledger.takeInterval();
        break;
      case 'answer':
        if (inFlight && step.accepted) {
          ledger.acknowledgeInterval(inFlight);
          told.newLoad += inFlight.newLoad;
          told.served += inFlight.servedLoad;
          told.rejected += inFlight.rejectedLoad;
        }
        inFlight = undefined;
        break;
      case 'delete': {
        const batch = ledger.takeDeletions(step.limit);
        if (!step.accepted) break;
        ledger.acknowledgeDeletions(batch);
        delivered += batch.requests.length;
        break;
      }
    }
    const openLoad = openEntries.reduce((sum, { workload }) => sum + workload, 0);
    expect(ledger.totals).toEqual(sums);
    expect(ledger.openLoad).toBe(openLoad);
    expect(sums.received).toBe(sums.served + sums.errored + sums.cancelled + sums.rejected + openLoad);
    expect(delivered + ledger.unreportedDeletions).toBe(endedOutsideSessions);
  }

  const rest = ledger.takeInterval();
  expect(told.served + rest.servedLoad).toBe(sums.served);
  expect(told.rejected + rest.rejectedLoad).toBe(sums.rejected);
  expect(told.newLoad + rest.newLoad).toBeGreaterThanOrEqual(sums.received - sums.rejected - sums.cancelled);
}
