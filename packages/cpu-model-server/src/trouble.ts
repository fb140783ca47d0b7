import type { ModelServerOptions } from './options.ts';
import { seededRandom } from './random.ts';

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

  /** @returns the option that lets the next batch fail, or undefined */
  nextBatchFails(): '--fail-after' | '--fail-rate' | undefined {
    this.#batches += 1;
    const { failRate, failAfter } = this.#options;
    if (failAfter !== undefined && this.#batches > failAfter) return '--fail-after';
    return failRate > 0 && this.#random() < failRate ? '--fail-rate' : undefined;
  }

  /** What becomes of the next request. */
  nextRequest(): 'serve' | 'hang' | 'crash' | 'engine-death' {
    this.#requests += 1;
    const isPast = (limit: number | undefined) => limit !== undefined && this.#requests > limit;
    const { hangAfter, crashAfter, engineDeathAfter } = this.#options;
    if (isPast(crashAfter)) return 'crash';
    if (isPast(engineDeathAfter)) return 'engine-death';
    return isPast(hangAfter) ? 'hang' : 'serve';
  }
}

export type TroubleOptions = Pick<
  ModelServerOptions,
  'failRate' | 'failSeed' | 'failAfter' | 'hangAfter' | 'crashAfter' | 'engineDeathAfter'
>;
