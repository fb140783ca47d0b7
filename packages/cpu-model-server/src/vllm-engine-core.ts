import { setTimeout as sleep } from 'node:timers/promises';
import type { CompletionEngine, CompletionSettings, CompletionToken } from './engine.ts';
import { EngineDeadError } from './vllm-errors.ts';

/** Who runs and who waits, at which pace, and whether the engine is alive. */

export interface EngineCoreOptions {
  /** Sequences that run at once; the others wait, first come, first served. */
  maxNumSeqs: number;
  maxModelLen: number;
  latencyPerItemMs: number;
  latencyPerTokenUs: number;
}

export class EngineCore {
  readonly #engine: CompletionEngine;
  readonly #options: EngineCoreOptions;
  readonly #waiting = new Set<() => void>();
  readonly #death = new AbortController();
  readonly #stop = new AbortController();
  #running = 0;
  #heldTokens = 0;
  /** Called once, at the death. */
  onDeath: ((cause: Error) => void) | undefined;

  constructor(engine: CompletionEngine, options: EngineCoreOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Tokens of all that run, of as many as would fit. */
  get kvCacheUsage(): number {
    return this.#heldTokens / this.kvCacheTokens;
  }

  get kvCacheTokens(): number {
    return this.#options.maxNumSeqs * this.#options.maxModelLen;
  }

  get isDead(): boolean {
    return this.#death.signal.aborted;
  }

  /** Every sequence, running or waiting, ends with an EngineDeadError, and so does every later one. */
  die(cause: Error): void {
    if (this.isDead) return;
    this.#death.abort();
    this.onDeath?.(cause);
  }

  /** Every sequence ends where it is. */
  abortAll(): void {
    this.#stop.abort();
  }

  /**
   * One answer, token by token, once it is its turn. It ends without an end token at `maxTokens`, or where `abortAll` met it.
   * @param onTurn called when it begins to run
   * @throws EngineDeadError; AbortError when `signal` aborts; what the engine throws
   */
  async *generate(
    prompt: readonly number[],
    settings: CompletionSettings,
    signal: AbortSignal,
    onTurn: () => void,
  ): AsyncGenerator<CompletionToken> {
    const any = AbortSignal.any([signal, this.#death.signal, this.#stop.signal]);
    let held = 0;
    try {
      await this.#turn(any);
      try {
        onTurn();
        this.#hold((held = prompt.length));
        let due = performance.now() + this.#options.latencyPerItemMs;
        for await (const token of this.#engine.complete(prompt, settings, any)) {
          await until(due, any);
          due += this.#options.latencyPerTokenUs / 1000;
          held += 1;
          this.#hold(1);
          yield token;
          any.throwIfAborted();
        }
        any.throwIfAborted();
      } finally {
        this.#hold(-held);
        this.#leave();
      }
    } catch (error) {
      if (this.isDead) throw new EngineDeadError();
      if (signal.aborted || !this.#stop.signal.aborted) throw error;
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running >= this.#options.maxNumSeqs) await this.#wait(signal);
    else this.#running += 1;
  }

  /** Who leaves hands the place on, so that nobody overtakes. */
  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = () => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      const give = () => {
        this.#waiting.delete(take);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', give, { once: true });
      this.#waiting.add(take);
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
    } else {
      this.#waiting.delete(next);
      next();
    }
  }

  #hold(tokens: number): void {
    this.#heldTokens += tokens;
  }
}

/** Sleeps only for what a timer can tell apart; what is due is due at once. */
async function until(due: number, signal: AbortSignal): Promise<void> {
  const leftMs = due - performance.now();
  if (leftMs >= 1) await sleep(leftMs, undefined, { signal });
}
