import { getEventListeners } from 'node:events';
import { paths, type WorkerStatus } from '@bluefly/vast-protocol';
import { describe, expect, it } from 'vitest';
import type { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import { silentLogger } from '../adapters/logger.ts';
import { WorkerMetrics } from '../adapters/metrics.ts';
import type { LedgerEntry } from '../domain/load-ledger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Reporter, runReportLoops, sendFinalReports } from './report-loop.ts';
import { WorkerState } from './state.ts';

/** The loops on a clock that is turned by hand, with a control plane that answers at once. */
function startLoops() {
  const clock = new FakeClock();
  const state = new WorkerState({ clock, log: silentLogger, keepDeletions: true });
  const over = new AbortController();
  const statuses: { at: number; body: WorkerStatus }[] = [];
  const deletions: { at: number; count: number }[] = [];
  const plane = { accepts: true, disk: 10, answer: Promise.resolve() };
  const controlPlane = {
    post: async (path: string, body: never) => {
      if (path === paths.workerStatus) statuses.push({ at: clock.now(), body });
      else deletions.push({ at: clock.now(), count: (body as { requests: unknown[] }).requests.length });
      await plane.answer;
      return plane.accepts;
    },
  } as unknown as ControlPlaneClient;
  const reporter = new Reporter({
    state,
    identity: { id: 1, masterToken: 'm', url: 'u' },
    controlPlane,
    metrics: new WorkerMetrics(),
    clock,
    diskUsageGib: async () => plane.disk,
  });
  const ended = runReportLoops(reporter, over.signal);
  return {
    reporter,
    /** Who waits for the worker's end. */
    listeners: () => getEventListeners(over.signal, 'abort').length,
    clock,
    state,
    statuses,
    deletions,
    plane,
    async [Symbol.asyncDispose]() {
      plane.answer = Promise.resolve();
      over.abort();
      await ended;
    },
  };
}

const gaps = (times: number[]) => times.slice(1).map((time, index) => time - (times[index] as number));
const entry = (): LedgerEntry => ({
  workload: 1,
  requestIdx: 1,
  inSession: false,
  isReservation: false,
  enteredQueueAt: 1,
  workStartedAt: 1,
  outcome: undefined,
});

describe('report loops', () => {
  it('leave nothing behind with each report: the signal they run under lives as long as the worker', async () => {
    await using loops = startLoops();
    await loops.clock.advance(1_000);
    const { length } = loops.statuses;
    const before = loops.listeners();
    expect(before).toBeGreaterThan(0);

    for (let report = 0; report < 5; report += 1) {
      loops.state.hasNews = true;
      await loops.clock.advance(10_000);
    }
    expect(loops.statuses.length).toBeGreaterThanOrEqual(length + 5);
    expect(loops.listeners()).toBe(before);
  });

  it('report a change of phase within a second, whenever it comes', async () => {
    await using loops = startLoops();
    await loops.clock.advance(3_210);
    const seen = loops.statuses.length;
    loops.state.signal('model-failed', 'broken');
    const changedAt = loops.clock.now();
    await loops.clock.advance(1_000);
    const told = loops.statuses.slice(seen).find(({ body }) => body.error_msg === 'broken');
    expect(told?.at).toBeLessThanOrEqual(changedAt + 1_000);
  });

  it('report a change of phase at once, also right after another report', async () => {
    await using loops = startLoops();
    await loops.clock.advance(1_000);
    loops.state.changed();
    await loops.clock.advance(1_000);
    const seen = loops.statuses.length;
    const now = loops.clock.now();
    loops.state.signal('model-failed', 'broken');
    await loops.clock.advance(0);
    expect(loops.statuses.slice(seen).map(({ at, body }) => [at, body.error_msg])).toEqual([[now, 'broken']]);
  });

  it('report at most once a second under load', async () => {
    await using loops = startLoops();
    for (let step = 0; step < 100; step += 1) {
      loops.state.ledger.reject(entry());
      loops.state.changed();
      await loops.clock.advance(100);
    }
    expect(Math.min(...gaps(loops.statuses.map(({ at }) => at)))).toBeGreaterThanOrEqual(1_000);
    expect(loops.statuses.length).toBeGreaterThanOrEqual(9);
  });

  it('report at least every eleven seconds when nothing happens', async () => {
    await using loops = startLoops();
    await loops.clock.advance(60_000);
    expect(Math.max(...gaps(loops.statuses.map(({ at }) => at)))).toBeLessThanOrEqual(11_000);
    expect(loops.statuses.length).toBeGreaterThanOrEqual(6);
  });

  it('wait longer after each failure, up to ten seconds, and lose nothing by it', async () => {
    await using loops = startLoops();
    loops.plane.accepts = false;
    loops.state.ledger.admit({ ...entry(), workload: 400 });
    await loops.clock.advance(60_000);
    const pauses = gaps(loops.statuses.map(({ at }) => at));
    expect(pauses.slice(0, 4)).toEqual([2_000, 4_000, 8_000, 10_000]);
    expect(Math.max(...pauses)).toBe(10_000);
    loops.plane.accepts = true;
    await loops.clock.advance(12_000);
    const accepted = loops.statuses.slice(-2).map(({ body }) => body.new_load);
    expect(accepted).toContain(400);
  });

  it('report disk growth once it is accepted, and keep it when it is not', async () => {
    await using loops = startLoops();
    await loops.clock.advance(1_000);
    loops.plane.disk = 12;
    loops.plane.accepts = false;
    loops.state.changed();
    await loops.clock.advance(1_000);
    expect(loops.statuses.at(-1)?.body.additional_disk_usage).toBe(2);
    loops.plane.accepts = true;
    await loops.clock.advance(12_000);
    const deltas = loops.statuses.map(({ body }) => body.additional_disk_usage);
    expect(deltas.filter((delta) => delta === 2)).toHaveLength(2); // the one that failed and the one that was accepted
    expect(deltas.at(-1)).toBe(0);
  });

  it('send finished requests in parts of 1,000, all within a second: no rate of requests outruns them', async () => {
    await using loops = startLoops();
    for (let n = 0; n < 2_300; n += 1) loops.state.ledger.reject(entry());
    loops.state.changed();
    await loops.clock.advance(1_000);
    expect(loops.deletions.map(({ count }) => count)).toEqual([1_000, 1_000, 300]);
    expect(loops.state.ledger.unreportedDeletions).toBe(0);
  });

  it('stop after a part that is not accepted, and begin with it again', async () => {
    await using loops = startLoops();
    loops.plane.accepts = false;
    for (let n = 0; n < 2_300; n += 1) loops.state.ledger.reject(entry());
    loops.state.changed();
    await loops.clock.advance(1_000);
    expect(loops.deletions.map(({ count }) => count)).toEqual([1_000]);
    loops.plane.accepts = true;
    await loops.clock.advance(2_000);
    expect(loops.deletions.map(({ count }) => count)).toEqual([1_000, 1_000, 1_000, 300]);
  });

  it('never carry the same load twice, also when the last report comes while another is in flight', async () => {
    await using loops = startLoops();
    await loops.clock.advance(1_000);
    const answer = Promise.withResolvers<void>();
    loops.plane.answer = answer.promise;
    loops.state.ledger.admit({ ...entry(), workload: 400 });
    loops.state.changed();
    await loops.clock.advance(1_000);
    const goodbye = sendFinalReports(loops.reporter, new AbortController().signal);
    answer.resolve();
    await goodbye;
    expect(loops.statuses.reduce((sum, { body }) => sum + body.new_load, 0)).toBe(400);
  });

  it('do not wait for one in flight longer than they may', async () => {
    await using loops = startLoops();
    loops.plane.answer = new Promise(() => undefined);
    loops.state.changed();
    await loops.clock.advance(1_000);
    const limit = new AbortController();
    const goodbye = sendFinalReports(loops.reporter, limit.signal);
    limit.abort();
    await goodbye;
  });
});
