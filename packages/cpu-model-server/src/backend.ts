import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { ModelError } from './server.ts';
import { TeiError } from './tei-errors.ts';
import type { Trouble } from './trouble.ts';

/** The one thread that computes: takes items first come, first served, in batches. */

export interface BackendOptions {
  maxBatchTokens: number;
  /** Items of one batch; TEI forces 4 on a CPU. */
  maxBatchRequests: number;
  /** Every batch runs out of memory. */
  isOutOfMemory: boolean;
  latencyPerItemMs: number;
  latencyPerTokenUs: number;
}

export interface BatchFigures {
  size: number;
  tokens: number;
  seconds: number;
}

/** What one item took, in milliseconds. */
export interface ItemTimes {
  queueMs: number;
  inferenceMs: number;
}

export interface Computed<Value> extends ItemTimes {
  value: Value;
}

interface Item {
  tokens: number;
  compute: () => unknown;
  /** True once nobody waits for it. */
  isDropped: () => boolean;
  enteredAt: number;
  resolve: (result: Computed<unknown>) => void;
  reject: (error: unknown) => void;
}

export class Backend {
  readonly #options: BackendOptions;
  readonly #trouble: Trouble;
  readonly #queue: Item[] = [];
  #isRunning = false;
  #isHealthy = true;
  /** Called after each batch. */
  onBatch: ((figures: BatchFigures) => void) | undefined;
  /** Called for each item that was given up before its batch. */
  onDropped: (() => void) | undefined;

  constructor(options: BackendOptions, trouble: Trouble) {
    this.#options = options;
    this.#trouble = trouble;
  }

  get queueSize(): number {
    return this.#queue.length;
  }

  /** Queues one item. @throws TeiError Backend */
  run<Value>(tokens: number, compute: () => Value | Promise<Value>, isDropped: () => boolean): Promise<Computed<Value>> {
    return new Promise((resolve, reject) => {
      const item: Item = { tokens, compute, isDropped, enteredAt: performance.now(), resolve: resolve as Item['resolve'], reject };
      this.#queue.push(item);
      if (!this.#isRunning) void this.#work();
    });
  }

  /** Waits behind the running batch. After a failed batch a real, tiny one is computed. */
  async check(): Promise<boolean> {
    if (this.#isHealthy && !this.#isRunning) return true;
    try {
      await this.run(
        1,
        () => undefined,
        () => false,
      );
    } catch {
      return false;
    }
    return this.#isHealthy;
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    await nextTurn(); // requests that came together share a batch
    while (this.#queue.length > 0) {
      await this.#runBatch(this.#takeBatch());
      await nextTurn();
    }
    this.#isRunning = false;
  }

  #takeBatch(): Item[] {
    const batch: Item[] = [];
    let tokens = 0;
    while (this.#queue.length > 0 && batch.length < this.#options.maxBatchRequests) {
      const next = this.#queue[0] as Item;
      if (batch.length > 0 && tokens + next.tokens > this.#options.maxBatchTokens) break;
      this.#queue.shift();
      if (next.isDropped()) {
        this.onDropped?.();
        next.reject(new TeiError('Backend', 'the client is gone', 'dropped'));
        continue;
      }
      tokens += next.tokens;
      batch.push(next);
    }
    return batch;
  }

  #failureOfNextBatch(): string | undefined {
    if (this.#options.isOutOfMemory) return 'Backend error: DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")';
    const option = this.#trouble.nextBatchFails();
    return option && `Backend error: failing on purpose (${option})`;
  }

  async #runBatch(batch: Item[]): Promise<void> {
    if (batch.length === 0) return;
    const startedAt = performance.now();
    const tokens = batch.reduce((sum, item) => sum + item.tokens, 0);
    const failure = this.#failureOfNextBatch();
    const latencyMs = batch.length * this.#options.latencyPerItemMs + (tokens * this.#options.latencyPerTokenUs) / 1000;
    if (latencyMs > 0) await sleep(latencyMs);
    const outcomes: PromiseSettledResult<unknown>[] = [];
    for (const item of batch)
      outcomes.push(failure === undefined ? await settle(item.compute) : rejected(new TeiError('Backend', failure)));
    this.#isHealthy = outcomes.every(({ status }) => status === 'fulfilled');
    const inferenceMs = performance.now() - startedAt;
    batch.forEach((item, index) => {
      const outcome = outcomes[index] as PromiseSettledResult<unknown>;
      if (outcome.status === 'rejected') item.reject(outcome.reason);
      else item.resolve({ value: outcome.value, queueMs: startedAt - item.enteredAt, inferenceMs });
    });
    this.onBatch?.({ size: batch.length, tokens, seconds: inferenceMs / 1000 });
  }
}

async function settle(compute: () => unknown): Promise<PromiseSettledResult<unknown>> {
  try {
    return { status: 'fulfilled', value: await compute() };
  } catch (error) {
    if (error instanceof ModelError) return rejected(new TeiError('Backend', `Backend error: ${error.message}`));
    console.error(error);
    return rejected(new TeiError('Backend', 'Backend error: the model failed; the log says more'));
  }
}

const rejected = (reason: unknown): PromiseRejectedResult => ({ status: 'rejected', reason });

/** One permit per input item; taken all at once or not at all. */
export class Permits {
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** @returns gives them back, once; undefined when there are not enough */
  take(count: number): (() => void) | undefined {
    if (count > this.#free) return undefined;
    this.#free -= count;
    let isHeld = true;
    return () => {
      if (isHeld) this.#free += count;
      isHeld = false;
    };
  }

  get free(): number {
    return this.#free;
  }
}
