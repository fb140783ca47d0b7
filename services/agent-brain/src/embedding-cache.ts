import { LRUCache } from 'lru-cache';
import { Counter, Gauge, Registry } from 'prom-client';

/**
 * Embeddings that were computed already, by what they depend on; and those being computed, so that the same item is not
 * computed twice at once. Least recently used ones go first. Failures are never kept.
 */

/** One item's embedding as it stands in an answer, but for its index. */
export interface Embedding {
  /** JSON. */
  text: string;
  /** What its answer says beside the items, JSON; shared by all items of an answer. */
  frame: string;
  /** Holds something that is no number, as when a model overflowed: it is sent, and not kept. */
  isBroken?: boolean;
}

/** Bytes of an entry beside its text: key, references, the list's links. Measured: about 250. */
const entryOverheadBytes = 256;

export class EmbeddingCache {
  readonly metrics = new Registry();
  readonly #kept: LRUCache<string, Embedding>;
  /** Resolves with undefined when whoever computes it failed or left. */
  readonly #underWay = new Map<string, Promise<Embedding | undefined>>();
  readonly #items: Counter<'result'>;
  readonly #evictions: Counter;

  /** @param maxBytes of everything that is kept */
  constructor(maxBytes: number) {
    const registers = [this.metrics];
    this.#evictions = new Counter({
      name: 'agent_brain_embedding_cache_evictions_total',
      help: 'Embeddings that made room for others',
      registers,
    });
    this.#items = new Counter({
      name: 'agent_brain_embedding_cache_items_total',
      help: 'Items asked for, by result: hit (kept), shared (computed for another request or item at that moment), computed',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['hit', 'shared', 'computed']) this.#items.inc({ result }, 0);
    const kept = new LRUCache<string, Embedding>({
      maxSize: maxBytes,
      sizeCalculation: ({ text }, key) => text.length + key.length + entryOverheadBytes,
      dispose: (_value, _key, reason) => reason === 'evict' && this.#evictions.inc(),
    });
    this.#kept = kept;
    new Gauge({
      name: 'agent_brain_embedding_cache_bytes',
      help: 'Bytes of the embeddings that are kept',
      registers,
      collect() {
        this.set(kept.calculatedSize);
      },
    });
  }

  get bytes(): number {
    return this.#kept.calculatedSize;
  }

  /**
   * The embeddings of the keys, in their order. What is neither kept nor under way is computed in one go; when somebody else's computation
   * that was waited for comes to nothing, this caller computes it.
   * @param compute embeddings of the keys at these places, in this order; what it throws is thrown here, and nowhere else
   * @param signal of the caller: ends its waiting for others
   */
  async take(
    keys: readonly string[],
    compute: (places: readonly number[]) => Promise<Embedding[]>,
    signal: AbortSignal,
  ): Promise<Embedding[]> {
    const found: (Embedding | undefined)[] = keys.map(() => undefined);
    const count = { hit: 0, shared: 0, computed: 0 };
    let missing = keys.map((_, place) => place);
    while (missing.length > 0) {
      signal.throwIfAborted();
      const own = new Map<string, number>();
      const others: number[] = [];
      for (const place of missing) {
        const key = keys[place] as string;
        found[place] = this.#kept.get(key);
        if (found[place]) count.hit += 1;
        else if (this.#underWay.has(key) || own.has(key)) others.push(place);
        else own.set(key, place);
      }
      const computing = own.size > 0 ? this.#compute(own, compute) : []; // first: then what comes twice here is under way, too
      const waiting = others.map(async (place) => this.#underWay.get(keys[place] as string));
      const [ready, shared] = await unlessAborted(Promise.all([computing, Promise.all(waiting)]), signal);
      for (const [index, place] of [...own.values()].entries()) found[place] = ready[index];
      for (const [index, place] of others.entries()) found[place] = shared[index];
      missing = others.filter((place) => !found[place]);
      count.computed += own.size;
      count.shared += others.length - missing.length;
    }
    for (const [result, items] of Object.entries(count)) this.#items.inc({ result }, items);
    return found as Embedding[];
  }

  /** @param own places by key */
  async #compute(own: ReadonlyMap<string, number>, compute: (places: readonly number[]) => Promise<Embedding[]>): Promise<Embedding[]> {
    const ended = Promise.withResolvers<Embedding[] | undefined>();
    const keys = [...own.keys()];
    for (const [index, key] of keys.entries()) {
      this.#underWay.set(
        key,
        ended.promise.then((embeddings) => embeddings?.[index]),
      );
    }
    let embeddings: Embedding[] | undefined;
    try {
      embeddings = await compute([...own.values()]);
      for (const [index, key] of keys.entries()) {
        const embedding = embeddings[index] as Embedding;
        if (!embedding.isBroken) this.#kept.set(key, embedding);
      }
      return embeddings;
    } finally {
      for (const key of keys) this.#underWay.delete(key);
      ended.resolve(embeddings);
    }
  }
}

/** @throws the signal's reason once it aborts */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
