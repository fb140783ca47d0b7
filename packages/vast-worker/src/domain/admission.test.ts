import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdmissionInput, isRefusal, refuse } from './admission.ts';

/** A ready worker with nothing to do: 10 load a second, at most 30 seconds of waiting. */
const idle: AdmissionInput = {
  phase: 'ready',
  workingLoad: 0,
  throughput: 10,
  maxQueueTime: 30,
  waitingCount: 0,
  maxQueueLength: 5,
  hasToWait: false,
  deadlineSeconds: undefined,
  share: undefined,
};

describe('admission', () => {
  it('lets an idle worker take whatever comes', () => {
    expect(refuse(idle)).toBeUndefined();
    expect(refuse({ ...idle, deadlineSeconds: 0.001, share: { callerLoad: 0, callers: 1 } })).toBeUndefined();
  });

  it.each([
    ['loading', 'WORKER_NOT_READY', 10],
    ['failed', 'WORKER_NOT_READY', 10],
    ['draining', 'WORKER_DRAINING', 1],
  ] as const)('refuses everything while %s', (phase, code, retryAfterSeconds) => {
    expect(refuse({ ...idle, phase })).toEqual({ code, retryAfterSeconds });
  });

  it('refuses what would wait longer than it may, and says when that will be over', () => {
    expect(refuse({ ...idle, workingLoad: 300 })).toBeUndefined(); // 30 s, exactly what it may
    expect(refuse({ ...idle, workingLoad: 372 })).toEqual({ code: 'QUEUE_TOO_LONG', retryAfterSeconds: 8 }); // 37.2 s, 7.2 too many
    expect(refuse({ ...idle, workingLoad: 372, maxQueueTime: null })).toBeUndefined();
  });

  it('refuses what would be one too many in the queue, and not what has its turn at once', () => {
    const full = { ...idle, workingLoad: 120, waitingCount: 5 };
    expect(refuse({ ...full, hasToWait: true })).toEqual({ code: 'QUEUE_FULL', retryAfterSeconds: 2 }); // 12 s for 6 in a row
    expect(refuse({ ...full, hasToWait: false })).toBeUndefined();
    expect(refuse({ ...full, hasToWait: true, waitingCount: 4 })).toBeUndefined();
    expect(refuse({ ...idle, hasToWait: true, maxQueueLength: 0 })?.code).toBe('QUEUE_FULL');
  });

  it('refuses what cannot have its turn before its deadline', () => {
    expect(refuse({ ...idle, workingLoad: 50, deadlineSeconds: 5 })).toBeUndefined();
    expect(refuse({ ...idle, workingLoad: 71, deadlineSeconds: 5 })).toEqual({ code: 'DEADLINE_UNREACHABLE', retryAfterSeconds: 3 });
  });

  it('keeps the second half of the longest wait for callers with less than an equal share', () => {
    const busy = { ...idle, workingLoad: 200 }; // 20 s of 30
    expect(refuse({ ...busy, share: { callerLoad: 200, callers: 1 } })).toEqual({ code: 'SHARE_EXCEEDED', retryAfterSeconds: 5 });
    expect(refuse({ ...busy, share: { callerLoad: 0, callers: 2 } })).toBeUndefined();
    expect(refuse({ ...busy, share: { callerLoad: 60, callers: 4 } })?.code).toBe('SHARE_EXCEEDED');
    expect(refuse({ ...busy, share: { callerLoad: 40, callers: 4 } })).toBeUndefined();
    expect(refuse({ ...busy, workingLoad: 150, share: { callerLoad: 150, callers: 1 } })).toBeUndefined(); // half is free for all
  });

  it('always names whole seconds from 1 to 60, and only codes that the books know', () => {
    const seconds = fc.double({ min: 0, max: 1e12, noNaN: true });
    const input = fc.record({
      phase: fc.constantFrom('ready' as const, 'loading' as const, 'draining' as const),
      workingLoad: seconds,
      throughput: seconds,
      maxQueueTime: fc.option(seconds),
      waitingCount: fc.nat(),
      maxQueueLength: fc.nat(),
      hasToWait: fc.boolean(),
      deadlineSeconds: fc.option(seconds, { nil: undefined }),
      share: fc.option(fc.record({ callerLoad: seconds, callers: fc.nat() }), { nil: undefined }),
    });
    fc.assert(
      fc.property(input, (facts) => {
        const refusal = refuse(facts);
        if (!refusal) return;
        expect(isRefusal(refusal.code)).toBe(true);
        expect(Number.isInteger(refusal.retryAfterSeconds)).toBe(true);
        expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1);
        expect(refusal.retryAfterSeconds).toBeLessThanOrEqual(60);
      }),
    );
  });
});
