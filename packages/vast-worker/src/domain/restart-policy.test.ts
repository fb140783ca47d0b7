import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterFailure } from './restart-policy.ts';

const atOnce = { steadySeconds: 0, isPermanent: false };

describe('restarts', () => {
  it('come after pauses that double up to half a minute, and no oftener than allowed', () => {
    const delays: (number | undefined)[] = [];
    let failures = 0;
    for (let count = 0; count < 9; count += 1) {
      const verdict = afterFailure(failures, atOnce, { maxRestarts: 8 });
      failures = verdict.failures;
      delays.push(verdict.restartAfterMs);
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, undefined]);
  });

  it('count anew after a steady run', () => {
    expect(afterFailure(5, { ...atOnce, steadySeconds: 300 }, { maxRestarts: 5 })).toEqual({ failures: 1, restartAfterMs: 500 });
    expect(afterFailure(5, { ...atOnce, steadySeconds: 299 }, { maxRestarts: 5 })).toEqual({ failures: 6, restartAfterMs: undefined });
  });

  it('are spared where they cannot help', () => {
    expect(afterFailure(0, { ...atOnce, isPermanent: true }, { maxRestarts: 5 }).restartAfterMs).toBeUndefined();
    expect(afterFailure(0, atOnce, { maxRestarts: 0 }).restartAfterMs).toBeUndefined();
  });

  it('end, however the runs before were', () => {
    const anyFailure = fc.record({ steadySeconds: fc.double({ min: 0, max: 299, noNaN: true }), isPermanent: fc.boolean() });
    fc.assert(
      fc.property(fc.nat({ max: 20 }), fc.array(anyFailure, { minLength: 21, maxLength: 30 }), (maxRestarts, runs) => {
        let failures = 0;
        const delays = runs.map((run) => {
          const verdict = afterFailure(failures, run, { maxRestarts });
          failures = verdict.failures;
          return verdict.restartAfterMs;
        });
        expect(delays.at(-1)).toBeUndefined();
        expect(delays.every((delay) => delay === undefined || (delay >= 500 && delay <= 30_000))).toBe(true);
      }),
    );
  });
});
