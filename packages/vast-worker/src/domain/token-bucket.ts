/**
 * So much per period: full at first, refilled steadily. Something larger than the whole bucket needs a full one and leaves
 * a debt, so that any size gets through and the rate holds. Two numbers, whatever happens. Times are in seconds.
 */
export class TokenBucket {
  readonly #limit: number;
  readonly #perSecond: number;
  #level: number;
  #filledAt = Number.NEGATIVE_INFINITY;

  /** @param seconds in which an empty one becomes full */
  constructor(limit: number, seconds: number) {
    this.#limit = limit;
    this.#perSecond = limit / seconds;
    this.#level = limit;
  }

  /** Seconds until `amount` may be taken; 0: now. */
  secondsUntil(amount: number, now: number): number {
    if (amount <= 0) return 0;
    this.#fill(now);
    const missing = Math.min(amount, this.#limit) - this.#level;
    return missing <= this.#limit * rounding ? 0 : missing / this.#perSecond;
  }

  take(amount: number, now: number): void {
    this.#fill(now);
    this.#level -= amount;
  }

  giveBack(amount: number): void {
    this.#level = Math.min(this.#level + amount, this.#limit);
  }

  #fill(now: number): void {
    const seconds = Math.max(now - this.#filledAt, 0);
    this.#level = Math.min(this.#level + seconds * this.#perSecond, this.#limit);
    this.#filledAt = Math.max(now, this.#filledAt);
  }
}

/** Whoever waited as long as they were told may not miss it by the last bit of a floating-point number. */
const rounding = 1e-6;
