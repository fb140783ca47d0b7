import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

describe('token bucket', () => {
  it('lets through its limit at once, and then as much as it is refilled with', () => {
    const bucket = new TokenBucket(60, 60);
    for (let count = 0; count < 60; count += 1) {
      expect(bucket.secondsUntil(1, 1_000)).toBe(0);
      bucket.take(1, 1_000);
    }
    expect(bucket.secondsUntil(1, 1_000)).toBe(1);
    expect(bucket.secondsUntil(10, 1_000)).toBe(10);
    expect(bucket.secondsUntil(1, 1_001)).toBe(0);
    expect(bucket.secondsUntil(1, 9_000)).toBe(0);
    bucket.take(60, 9_000); // never more than the limit, however long nothing was taken
    expect(bucket.secondsUntil(1, 9_000)).toBe(1);
  });

  it('lets through what is larger than itself once it is full, and holds the rate by a debt', () => {
    const bucket = new TokenBucket(10, 10);
    expect(bucket.secondsUntil(25, 0)).toBe(0);
    bucket.take(25, 0);
    expect(bucket.secondsUntil(1, 0)).toBe(16);
    expect(bucket.secondsUntil(25, 0)).toBe(25);
    expect(bucket.secondsUntil(0, 0)).toBe(0);
  });

  it('takes back what was not used, and is never fuller than full', () => {
    const bucket = new TokenBucket(10, 10);
    bucket.take(10, 0);
    bucket.giveBack(4);
    expect(bucket.secondsUntil(4, 0)).toBe(0);
    bucket.giveBack(100);
    bucket.take(10, 0);
    expect(bucket.secondsUntil(1, 0)).toBe(1);
  });

  it('never lets through more than limit and refill, and never refuses who waited as told', () => {
    const step = fc.record({ amount: fc.double({ min: 0.001, max: 50, noNaN: true }), pause: fc.double({ min: 0, max: 30, noNaN: true }) });
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 1e6, noNaN: true }),
        fc.constantFrom(60, 3600, 86_400),
        fc.array(step),
        (limit, seconds, steps) => {
          const bucket = new TokenBucket(limit, seconds);
          let [now, taken, largest] = [1_786_000_000, 0, 0];
          for (const { amount, pause } of steps) {
            now += pause;
            const wait = bucket.secondsUntil(amount, now);
            now += Math.ceil(wait);
            expect(bucket.secondsUntil(amount, now)).toBe(0);
            bucket.take(amount, now);
            taken += amount;
            largest = Math.max(largest, amount);
            expect(taken).toBeLessThanOrEqual((limit + ((now - 1_786_000_000) * limit) / seconds + largest) * 1.001);
          }
        },
      ),
    );
  });
});
