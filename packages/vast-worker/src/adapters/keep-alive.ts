import type { Clock } from './clock.ts';
import { openEventStream, sendComment } from './event-stream.ts';
import type { Exchange } from './exchange.ts';

/**
 * Keeps connections of streams alive through proxies that cut silent ones (Cloudflare after 100 s): a comment each
 * interval while a request waits for its turn or for its first token. One timer for all of them.
 */
export class KeepAlive {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  /** In the order in which they are due: the interval is the same for all. */
  #waiting: { exchange: Exchange; dueAt: number }[] = [];
  #stopTimer: (() => void) | undefined;

  /** @param intervalSeconds 0: never */
  constructor(intervalSeconds: number, clock: Clock) {
    this.#intervalMs = intervalSeconds * 1000;
    this.#clock = clock;
  }

  /** From now on, until its answer begins or it is over. */
  watch(exchange: Exchange): void {
    if (this.#intervalMs === 0) return;
    this.#waiting.push({ exchange, dueAt: this.#clock.now() + this.#intervalMs });
    this.#setTimer();
  }

  close(): void {
    this.#stopTimer?.();
    this.#waiting = [];
  }

  #setTimer(): void {
    const first = this.#waiting[0];
    if (!first || this.#stopTimer) return;
    this.#stopTimer = this.#clock.after(Math.max(first.dueAt - this.#clock.now(), 0), () => {
      this.#stopTimer = undefined;
      this.#beat();
    });
  }

  #beat(): void {
    const now = this.#clock.now();
    const isDue = ({ dueAt }: { dueAt: number }) => dueAt <= now;
    const stillWaits = ({ exchange: { response, stream } }: { exchange: Exchange }) =>
      !stream.hasAnswer && !response.destroyed && !response.writableEnded;
    const due = this.#waiting.filter(isDue).filter(stillWaits);
    for (const { exchange } of due) {
      if (!exchange.stream.isOpen) openEventStream(exchange);
      sendComment(exchange);
    }
    this.#waiting = [
      ...this.#waiting.filter((entry) => !isDue(entry) && stillWaits(entry)),
      ...due.map(({ exchange }) => ({ exchange, dueAt: now + this.#intervalMs })),
    ];
    this.#setTimer();
  }
}
