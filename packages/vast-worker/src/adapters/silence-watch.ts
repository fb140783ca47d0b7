import { addTo, type Placed, removeFrom } from '../domain/placed.ts';
import type { Clock } from './clock.ts';

/** An answer of the model server that is waited for. */
export interface AwaitedAnswer extends Placed {
  /** Its first byte is there. */
  readonly hasBegun: boolean;
  /** Nobody asks for more just now: the client has to take what there is. */
  readonly isPaused: boolean;
  /** Nothing has come for longer than may be. Called once. */
  gaveUp(reason: string): void;
  /** For the watch: the tick at which something came last. */
  heardAtTick: number;
}

/**
 * How long the model server may be silent. One timer for all open answers: the HTTP client's own, one per request and part
 * of an answer, were more than half of all objects that outlived the young generation. Late by a fifth at most.
 */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #limits: { firstByte: SilenceLimit; idle: SilenceLimit };
  readonly #awaited: AwaitedAnswer[] = [];
  #tick = 0;
  #isTicking = false;

  /** Timeouts in seconds. */
  constructor({ clock, firstByteTimeout, idleTimeout }: { clock: Clock; firstByteTimeout: number; idleTimeout: number }) {
    this.#clock = clock;
    this.#tickMs = Math.min(firstByteTimeout * 100, idleTimeout * 100, 1_000);
    const limit = (seconds: number, what: string) => ({
      ticks: Math.ceil((seconds * 1000) / this.#tickMs),
      reason: `${what} within ${seconds} s`,
    });
    this.#limits = { firstByte: limit(firstByteTimeout, 'no first byte'), idle: limit(idleTimeout, 'nothing more') };
  }

  /** The request is with the model server. */
  begin(answer: AwaitedAnswer): void {
    answer.heardAtTick = this.#tick;
    addTo(this.#awaited, answer);
    if (!this.#isTicking) this.#tickLater();
  }

  heard(answer: AwaitedAnswer): void {
    answer.heardAtTick = this.#tick;
  }

  /** Ending it again changes nothing. */
  end(answer: AwaitedAnswer): void {
    removeFrom(this.#awaited, answer);
  }

  #tickLater(): void {
    this.#isTicking = this.#awaited.length > 0;
    if (this.#isTicking) this.#clock.after(this.#tickMs, () => this.#look());
  }

  #look(): void {
    this.#tick += 1;
    for (const answer of [...this.#awaited]) {
      if (answer.isPaused) this.heard(answer);
      const { ticks, reason } = answer.hasBegun ? this.#limits.idle : this.#limits.firstByte;
      if (this.#tick - answer.heardAtTick <= ticks) continue;
      this.end(answer);
      answer.gaveUp(reason);
    }
    this.#tickLater();
  }
}

interface SilenceLimit {
  ticks: number;
  reason: string;
}
