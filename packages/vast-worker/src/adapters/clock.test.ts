import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';

describe('sleep', () => {
  it('ends after its time', async () => {
    const before = systemClock.now();
    await systemClock.sleep(5, new AbortController().signal);
    await systemClock.sleep(5);
    expect(systemClock.now()).toBeGreaterThan(before);
  });

  it('ends with the signal, for its reason, and at once if that has aborted', async () => {
    const controller = new AbortController();
    const sleeps = [systemClock.sleep(600_000, controller.signal), systemClock.sleep(600_000, controller.signal)];
    const reason = new Error('drained');
    controller.abort(reason);
    sleeps.push(systemClock.sleep(600_000, controller.signal));
    expect(await Promise.allSettled(sleeps)).toEqual(Array.from({ length: 3 }, () => ({ status: 'rejected', reason })));
  });

  it('leaves one listener with the signal, however many there are and were', async () => {
    const { signal } = new AbortController();
    await Promise.all([systemClock.sleep(1, signal), systemClock.sleep(2, signal)]);
    await systemClock.sleep(1, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });
});
