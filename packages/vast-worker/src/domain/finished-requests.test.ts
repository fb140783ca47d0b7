import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FinishedRequests } from './finished-requests.ts';
import type { Outcome, RoutedEntry } from './load-ledger.ts';

const entry = (requestIdx: number): RoutedEntry => ({
  workload: 1,
  requestIdx,
  inSession: false,
  isReservation: false,
  enteredQueueAt: 1_786_000_000.125,
  workStartedAt: 1_786_000_000.25,
  outcome: undefined,
});

describe('finished requests', () => {
  it('come back as they were noted', () => {
    const finished = new FinishedRequests(10);
    finished.note(entry(7), 'errored', 1_786_000_001.5);
    expect(finished.take(10).requests).toEqual([
      {
        requestIdx: 7,
        outcome: 'errored',
        enteredQueueAt: 1_786_000_000.125,
        workStartedAt: 1_786_000_000.25,
        workCompletedAt: 1_786_000_001.5,
      },
    ]);
  });

  it('keep the order of a plain list, whatever is noted, taken, acknowledged late and dropped', () => {
    const steps = fc.oneof(
      fc.record({ do: fc.constant('note' as const), count: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 0, max: 3_000 }) }),
      fc.record({ do: fc.constant('acknowledge' as const), count: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 40 }), (script) => {
        const limit = 5_000;
        const finished = new FinishedRequests(limit);
        let list: number[] = [];
        let next = 0;
        let batch = finished.take(0);
        const outcomes: Outcome[] = ['served', 'errored', 'cancelled', 'rejected'];
        for (const { do: action, count } of script) {
          if (action === 'take') {
            batch = finished.take(count);
            expect(batch.requests.map(({ requestIdx }) => requestIdx)).toEqual(list.slice(0, count));
            expect(batch.requests.every(({ requestIdx, outcome }) => outcome === outcomes[requestIdx % 4])).toBe(true);
          } else if (action === 'acknowledge') {
            finished.acknowledge(batch);
            list = list.filter((number) => number >= batch.through);
          } else {
            for (let n = 0; n < count; n += 1) {
              expect(finished.note(entry(next), outcomes[next % 4] as Outcome, 0)).toBe(list.length < limit);
              list.push(next);
              if (list.length > limit) list.shift();
              next += 1;
            }
          }
          expect(finished.length).toBe(list.length);
        }
      }),
      { numRuns: 60 },
    );
  });
});
