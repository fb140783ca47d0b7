import type { IncomingMessage } from 'node:http';
import type { Clock } from '../adapters/clock.ts';
import type { Logger } from '../adapters/logger.ts';
import type { TrustSource } from '../adapters/trust-source.ts';
import type { Caller } from '../domain/account.ts';
import { TokenBucket } from '../domain/token-bucket.ts';
import { WorkerError } from '../errors.ts';

/**
 * Asks the trust source of one listener who is there. Whoever shows good credentials is never kept waiting by those who
 * guess: guesses beyond the limit are answered with 429, and nothing is remembered of any of them.
 */
export class DirectDoor {
  readonly #source: TrustSource;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #failures = new TokenBucket(failuresAtOnce, failuresAtOnce / failuresPerSecond);
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(source: TrustSource, { clock, log }: { clock: Clock; log: Logger }) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws WorkerError CALLER_UNKNOWN, TOO_MANY_FAILURES, PUBLIC_KEY_MISSING */
  async identify(request: IncomingMessage): Promise<Caller> {
    try {
      return await this.#source.identify(request);
    } catch (error) {
      throw error instanceof WorkerError && error.code === 'CALLER_UNKNOWN' ? this.#noteFailure(error) : error;
    }
  }

  #noteFailure(refusal: WorkerError): WorkerError {
    const now = this.#clock.now() / 1000;
    const waitSeconds = this.#failures.secondsUntil(1, now);
    if (waitSeconds === 0) {
      this.#failures.take(1, now);
      return refusal;
    }
    if (now - this.#warnedAt > warnEverySeconds) {
      this.#warnedAt = now;
      this.#log.warn({ source: this.#source.name }, 'many requests come without good credentials');
    }
    return new WorkerError('TOO_MANY_FAILURES', this.#source.name, { retryAfterSeconds: Math.ceil(waitSeconds) });
  }
}

const failuresAtOnce = 50;
const failuresPerSecond = 5;
const warnEverySeconds = 60;
