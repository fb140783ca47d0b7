import type { ModelServerOptions } from './options.ts';

/** Faults on purpose, for developing against them. The same options give the same faults. */
export class Trouble {
  readonly #options: TroubleOptions;
  readonly #random: () => number;
  #batches = 0;
  #requests = 0;

  constructor(options: TroubleOptions) {
    this.#options = options;
    this.#random = seededRandom(options.failSeed);
  }

  /** @returns the error of the next batch, or undefined */
  nextBatchFails(): string | undefined {
    this.#batches += 1;
    const { oom, failRate, failAfter } = this.#options;
    if (oom === 'at-run') return 'Backend error: DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")';
    if (failAfter !== undefined && this.#batches > failAfter) return 'Backend error: failing on purpose (--fail-after)';
    return failRate > 0 && this.#random() < failRate ? 'Backend error: failing on purpose (--fail-rate)' : undefined;
  }

  /** What becomes of the next request. */
  nextRequest(): 'serve' | 'hang' | 'crash' {
    this.#requests += 1;
    const { hangAfter, crashAfter } = this.#options;
    if (crashAfter !== undefined && this.#requests > crashAfter) return 'crash';
    return hangAfter !== undefined && this.#requests > hangAfter ? 'hang' : 'serve';
  }
}

export type TroubleOptions = Pick<ModelServerOptions, 'oom' | 'failRate' | 'failSeed' | 'failAfter' | 'hangAfter' | 'crashAfter'>;

/** mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
