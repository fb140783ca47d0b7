import { describe, expect, it } from 'vitest';
import { silentLogger } from '../adapters/logger.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { WorkerState } from './state.ts';

const newState = () => new WorkerState({ clock: new FakeClock(), log: silentLogger, keepDeletions: false });

describe('the throughput that waits are estimated by', () => {
  it('is the benchmark until full windows of traffic show another, and then says so; perf stays', () => {
    const state = newState();
    state.setPerf(100, 'benchmark', 10);
    state.ledger.admit({
      workload: 200,
      requestIdx: 1,
      inSession: false,
      isReservation: false,
      enteredQueueAt: 1,
      workStartedAt: 1,
      outcome: undefined,
    });
    expect([state.throughput, state.throughputSource, state.waitSeconds]).toEqual([100, 'benchmark', 2]);

    for (let second = 0; second < 15; second += 1) state.learn(50, 1, true);
    expect([state.throughput, state.throughputSource, state.waitSeconds]).toEqual([50, 'traffic', 4]);
    expect([state.perf, state.perfSource]).toEqual([100, 'benchmark']);
  });

  it('learns nothing from traffic that leaves the model server idle', () => {
    const state = newState();
    state.setPerf(100, 'benchmark', 10);
    for (let second = 0; second < 60; second += 1) state.learn(5, 1, false);
    expect([state.throughput, state.throughputSource]).toEqual([100, 'benchmark']);
  });

  it('begins anew with each benchmark', () => {
    const state = newState();
    state.setPerf(100, 'benchmark', 10);
    for (let second = 0; second < 15; second += 1) state.learn(50, 1, true);
    state.setPerf(200, 'benchmark', 10);
    expect([state.throughput, state.throughputSource]).toEqual([200, 'benchmark']);
  });
});

describe('the reason for a phase', () => {
  it('says more while the phase lasts, and nothing of one that is over', () => {
    const state = newState();
    state.explain('loading', 'it refuses connections');
    expect(state.reason).toBe('the model server is loading: it refuses connections');
    state.explain('loading', 'it answers 503');
    expect(state.reason).toBe('the model server is loading: it answers 503');

    state.signal('model-loaded', 'benchmarking');
    state.explain('loading', 'it answers 503');
    expect(state.reason).toBe('benchmarking');
  });
});
