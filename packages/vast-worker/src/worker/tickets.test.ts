import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientWatcher } from '../adapters/exchange.ts';
import { silentLogger } from '../adapters/logger.ts';
import { WorkerMetrics } from '../adapters/metrics.ts';
import { Account } from '../domain/account.ts';
import { WorkerError } from '../errors.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { HandlerConfig } from './handler-config.ts';
import { WorkerState } from './state.ts';
import { TicketDesk } from './tickets.ts';

function openDesk() {
  const clock = new FakeClock();
  const state = new WorkerState({ clock, log: silentLogger, keepDeletions: false });
  state.signal('model-loaded', '');
  state.learnPerfFrom(1e9);
  state.signal('benchmark-passed', '');
  state.signal('health-confirmed', '');
  const desk = new TicketDesk(state, clock);
  const route = desk.openRoute(HandlerConfig.parse({ route: '/serial', maxQueueTime: 1000 }), new WorkerMetrics().forRoute('/serial'));
  return { clock, state, desk, route };
}

/** A client as the ticket sees it. */
const exchange = () => {
  const client = { abortReason: undefined as WorkerError | undefined, watcher: undefined as ClientWatcher | undefined };
  return {
    client: client as never,
    leave: () => {
      client.abortReason ??= new WorkerError('REQUEST_ABORTED', 'left');
      client.watcher?.clientGone(client.abortReason as WorkerError);
    },
  };
};

describe('turns of a serial route', () => {
  it('are handed on whatever finishes, leaves or fails first: one at a time, nobody forgotten, books balanced', async () => {
    const fate = fc.constantFrom('served', 'fails', 'leaves');
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fate, { minLength: 1, maxLength: 12 }), async (scheduler, fates) => {
        const { state, desk, route } = openDesk();
        let running = 0;
        const over: number[] = [];
        const started: number[] = [];
        const requests = fates.map(async (how, index) => {
          const ticket = desk.admit(route, { requestIdx: index, workload: 1, inSession: false });
          const { client, leave } = exchange();
          ticket.follow(client);
          if (how === 'leaves') void scheduler.schedule(Promise.resolve(), `client ${index} leaves`).then(leave);
          try {
            await ticket.turn();
            started.push(index);
            running += 1;
            expect(running).toBe(1);
            await scheduler.schedule(Promise.resolve(), `model server answers ${index}`);
            running -= 1;
            if (how === 'fails') throw new WorkerError('MODEL_SERVER_UNREACHABLE', 'gone');
            ticket.endWithStatus(200);
          } catch (error) {
            ticket.endWithError(error);
          }
          over.push(index);
        });
        await scheduler.waitFor(Promise.all(requests));

        expect(over).toHaveLength(fates.length);
        expect(started).toEqual([...started].sort((left, right) => left - right)); // first in, first out
        expect(route.lane?.runningCount).toBe(0);
        const { received, served, errored, cancelled, rejected } = state.ledger.totals;
        expect(received).toBe(served + errored + cancelled + rejected);
        expect(state.ledger.openCount).toBe(0);
      }),
    );
  });

  it('never lets a drain wait for ever: everything ends when it is told to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 10 }), async (scheduler, count) => {
        const { state, desk, route } = openDesk();
        const requests = Array.from({ length: count }, async (_, index) => {
          const ticket = desk.admit(route, { requestIdx: index, workload: 1, inSession: false });
          const { client } = exchange();
          Object.assign(client, {
            abort(reason: WorkerError) {
              const self = client as { abortReason?: WorkerError; watcher?: ClientWatcher };
              self.abortReason ??= reason;
              self.watcher?.clientGone(self.abortReason as WorkerError);
            },
          });
          ticket.follow(client);
          try {
            await ticket.turn();
            await scheduler.schedule(Promise.resolve(), `answer ${index}`);
            ticket.endWithStatus(200);
          } catch (error) {
            ticket.endWithError(error);
          }
        });
        const idle = desk.untilIdle(new AbortController().signal);
        void scheduler.schedule(Promise.resolve(), 'drain time is up').then(() => desk.abortAll(new WorkerError('WORKER_DRAINING', '')));
        await scheduler.waitFor(Promise.all([...requests, idle]));
        expect(state.ledger.openCount).toBe(0);
        expect(state.ledger.totals.received).toBe(count);
      }),
    );
  });
});

describe('quotas of a caller', () => {
  const quotas = [{ of: 'workload', limit: 60, per: 'minute' }] as const;

  it('are charged by what is let in, and what they refuse is in no book', () => {
    const { state, desk, route } = openDesk();
    const account = new Account('alice', quotas);
    const arrive = (workload: number) =>
      desk.admit(route, { requestIdx: undefined, workload, inSession: false, caller: 'key:alice', account });
    arrive(60).endWithStatus(200);
    expect(() => arrive(30)).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED', retryAfterSeconds: 30 }));
    expect(state.ledger.totals).toMatchObject({ received: 60, served: 60, rejected: 0 });
    expect(account.usage).toMatchObject({ served: { workload: 60 }, over_quota: { requests: 1, workload: 30 } });
  });

  it('cost nothing when the worker itself refuses, at the door or in the queue', async () => {
    const { clock, state, desk, route } = openDesk();
    const account = new Account('alice', quotas);
    const arrived = { requestIdx: undefined, workload: 60, inSession: false, caller: 'key:alice', account };
    const other = desk.admit(route, { requestIdx: 1, workload: 1, inSession: false });
    void other.turn();
    const waiting = desk.admit(route, { ...arrived, deadlineMs: 10 });
    const turn = waiting.turn()?.catch((error: unknown) => waiting.endWithError(error));
    await clock.advance(10);
    await turn;
    state.signal('drain-requested', '');
    expect(() => desk.admit(route, arrived)).toThrow(expect.objectContaining({ code: 'WORKER_DRAINING' }));
    expect(account.usage).toMatchObject({ rejected: { requests: 2, workload: 120 }, over_quota: { requests: 0 } });
    expect(account.charge(60, clock.now() / 1000)).toBe(0);
  });
});
