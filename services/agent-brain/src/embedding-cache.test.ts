import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Embedding, EmbeddingCache } from './embedding-cache.ts';

const embedding = (key: string, length = 10): Embedding => ({ text: `${key}:${'x'.repeat(length)}`, frame: '' });
const never = new AbortController().signal;
const text = (embeddings: readonly Embedding[]) => embeddings.map((one) => one.text.split(':')[0]);

/** A computation that a test lets end as it likes. */
function held() {
  const calls: { places: readonly number[]; end(embeddings: Embedding[]): void; fail(error: Error): void }[] = [];
  const compute = (places: readonly number[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<Embedding[]>();
    calls.push({ places, end: resolve, fail: reject });
    return promise;
  };
  return { calls, compute };
}

const figures = async (cache: EmbeddingCache) => {
  const shown = await cache.metrics.metrics();
  return ['hit', 'shared', 'computed'].map((result) => Number(new RegExp(`items_total\\{result="${result}"\\} (\\d+)`).exec(shown)?.[1]));
};

describe('the cache of embeddings', () => {
  it('asks for what it lacks only, and gives all in the order asked for', async () => {
    const cache = new EmbeddingCache(1e6);
    await cache.take(['a', 'b'], async (places) => places.map((place) => embedding(['a', 'b'][place] as string)), never);
    const keys = ['c', 'a', 'd', 'b'];
    const asked: (readonly number[])[] = [];
    const taken = await cache.take(
      keys,
      async (places) => {
        asked.push(places);
        return places.map((place) => embedding(keys[place] as string));
      },
      never,
    );
    expect(asked).toEqual([[0, 2]]);
    expect(text(taken)).toEqual(keys);
    expect(await figures(cache)).toEqual([2, 0, 4]);
  });

  it('computes once what comes twice in one request', async () => {
    const cache = new EmbeddingCache(1e6);
    const { calls, compute } = held();
    const taking = cache.take(['a', 'b', 'a'], compute, never);
    calls[0]?.end([embedding('a'), embedding('b')]);
    expect(text(await taking)).toEqual(['a', 'b', 'a']);
    expect(calls.map(({ places }) => places)).toEqual([[0, 1]]);
    expect(await figures(cache)).toEqual([0, 1, 2]);
  });

  it('computes once what several ask for at the same time', async () => {
    const cache = new EmbeddingCache(1e6);
    const { calls, compute } = held();
    const first = cache.take(['a', 'b'], compute, never);
    const second = cache.take(['b', 'c'], compute, never);
    expect(calls.map(({ places }) => places)).toEqual([[0, 1], [1]]);
    calls[1]?.end([embedding('c')]);
    calls[0]?.end([embedding('a'), embedding('b')]);
    expect([text(await first), text(await second)]).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
  });

  it('lets one who waited compute when whoever computed failed or left, and tells nobody else of the failure', async () => {
    const cache = new EmbeddingCache(1e6);
    const { calls, compute } = held();
    const first = cache.take(['a'], compute, never);
    const others = [cache.take(['a'], compute, never), cache.take(['a'], compute, never)];
    calls[0]?.fail(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await new Promise(setImmediate);
    expect(calls).toHaveLength(2);
    calls[1]?.end([embedding('a')]);
    expect((await Promise.all(others)).map(text)).toEqual([['a'], ['a']]);
    expect(calls).toHaveLength(2);
  });

  it('lets one who waits leave, and the others have it all the same', async () => {
    const cache = new EmbeddingCache(1e6);
    const { calls, compute } = held();
    const leaving = new AbortController();
    const first = cache.take(['a'], compute, never);
    const second = cache.take(['a'], compute, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    calls[0]?.end([embedding('a')]);
    expect(text(await first)).toEqual(['a']);
    expect(text(await cache.take(['a'], compute, never))).toEqual(['a']);
    expect(calls).toHaveLength(1);
  });

  it('keeps no failure', async () => {
    const cache = new EmbeddingCache(1e6);
    const failing = cache.take(['a'], () => Promise.reject(new Error('busy')), never);
    await expect(failing).rejects.toThrow('busy');
    expect(cache.bytes).toBe(0);
    expect(text(await cache.take(['a'], async () => [embedding('a')], never))).toEqual(['a']);
  });

  it('stays within its bytes, gives everybody what was computed for the key, and forgets what was used longest ago', async () => {
    const request = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
        const maxBytes = 5_000; // about a dozen entries
        const cache = new EmbeddingCache(maxBytes);
        let lastUsed: string[] = [];
        for (const numbers of requests) {
          const keys = numbers.map((number) => `key${number}`);
          const taken = await cache.take(keys, async (places) => places.map((place) => embedding(keys[place] as string, 100)), never);
          expect(text(taken)).toEqual(keys);
          expect(cache.bytes).toBeLessThanOrEqual(maxBytes);
          lastUsed = [...new Set([...keys.toReversed(), ...lastUsed])];
        }
        const [latest] = lastUsed;
        if (latest) await cache.take([latest], () => Promise.reject(new Error('was forgotten')), never);
      }),
    );
  });
});
