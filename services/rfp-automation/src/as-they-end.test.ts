import { describe, expect, it } from 'vitest';
import { asTheyEnd } from './as-they-end.ts';

describe('work on many items', () => {
  it('goes on with some at once, and gives each result when it is there', async () => {
    const doors = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const started: number[] = [];
    const results = asTheyEnd([0, 1, 2, 3], 2, async (item) => {
      started.push(item);
      await doors[item]?.promise;
      return item * 10;
    });
    const first = results.next();
    expect(started).toEqual([0, 1]);
    doors[1]?.resolve();
    expect((await first).value).toBe(10);
    const second = results.next();
    expect(started).toEqual([0, 1, 2]);
    for (const door of doors) door.resolve();
    const rest = [(await second).value];
    for await (const result of results) rest.push(result);
    expect(new Set(rest)).toEqual(new Set([0, 20, 30]));
  });

  it('ends with the first failure and starts nothing more, also when nobody listens at that moment', async () => {
    const started: number[] = [];
    const results = asTheyEnd([1, 2, 3, 4, 5], 3, async (item) => {
      started.push(item);
      if (item > 1) throw new Error(`failed at ${item}`);
      return item;
    });
    expect((await results.next()).value).toBe(1);
    await new Promise((resolve) => setImmediate(resolve)); // the others fail now; that must not end the process
    await expect(results.next()).rejects.toThrow('failed at 2');
    expect(await results.next()).toEqual({ done: true, value: undefined });
    expect(started).toEqual([1, 2, 3, 4]);
  });

  it('has nothing to give for nothing', async () => {
    expect(await asTheyEnd([], 3, async () => 1).next()).toEqual({ done: true, value: undefined });
  });
});
