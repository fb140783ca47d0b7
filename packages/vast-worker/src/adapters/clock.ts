import { performance } from 'node:perf_hooks'; // the global of this name is looked up by a getter, each time
import { type Abortable, abortWith, leave } from './abort-with.ts';

/** Time is a part like any other: tests turn it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once, after `ms`. @returns cancels it. */
  after(ms: number, callback: () => void): () => void;
}

const { timeOrigin } = performance;

export const systemClock: Clock = {
  now: () => timeOrigin + performance.now(),
  sleep: (ms, signal) => new Promise((resolve, reject) => new Sleep(ms, signal, resolve, reject)),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

class Sleep implements Abortable {
  readonly #timer: NodeJS.Timeout;
  readonly #reject: (reason: unknown) => void;
  position: number | undefined;

  constructor(ms: number, signal: AbortSignal | undefined, resolve: () => void, reject: (reason: unknown) => void) {
    this.#reject = reject;
    this.#timer = setTimeout(() => {
      if (signal) leave(signal, this);
      resolve();
    }, ms);
    if (signal) abortWith(signal, this);
  }

  abort(reason: unknown): void {
    clearTimeout(this.#timer);
    this.#reject(reason);
  }
}
