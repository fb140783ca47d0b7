import type { Outcome, RoutedEntry } from './load-ledger.ts';

/** A request that ended and that the control plane has not been told of. Times are epoch seconds, 0 = not reached. */
export interface FinishedRequest {
  requestIdx: number;
  outcome: Outcome;
  enteredQueueAt: number;
  workStartedAt: number;
  workCompletedAt: number;
}

/** Some of the oldest; what is acknowledged goes. */
export interface FinishedBatch {
  requests: readonly FinishedRequest[];
  /** How many had been noted in all when the batch's last one was. */
  through: number;
}

const outcomes: readonly Outcome[] = ['served', 'errored', 'cancelled', 'rejected'];
const fields = 5;
const initialCapacity = 1_024;

/**
 * First in, first out, at most `limit` of them. Numbers in one flat array: at ten thousand requests a second, as many
 * objects that live for a second would make each garbage collection wait for them.
 */
export class FinishedRequests {
  readonly #limit: number;
  #capacity = initialCapacity;
  #numbers = new Float64Array(initialCapacity * fields);
  /** Noted and let go since start; the positions of both ends. */
  #noted = 0;
  #gone = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#noted - this.#gone;
  }

  /** @returns false when the oldest had to go for it */
  note(entry: RoutedEntry, outcome: Outcome, workCompletedAt: number): boolean {
    const isFull = this.length === this.#limit;
    if (isFull) this.#gone += 1;
    else if (this.length === this.#capacity) this.#grow();
    const at = (this.#noted % this.#capacity) * fields;
    const numbers = this.#numbers;
    numbers[at] = entry.requestIdx;
    numbers[at + 1] = outcomes.indexOf(outcome);
    numbers[at + 2] = entry.enteredQueueAt;
    numbers[at + 3] = entry.workStartedAt;
    numbers[at + 4] = workCompletedAt;
    this.#noted += 1;
    return !isFull;
  }

  /** The oldest, at most `count`. They stay until acknowledged. */
  take(count: number): FinishedBatch {
    const through = Math.min(this.#gone + count, this.#noted);
    const requests: FinishedRequest[] = [];
    for (let position = this.#gone; position < through; position += 1) requests.push(this.#at(position));
    return { requests, through };
  }

  /** Those of the batch go, and no others, whatever their numbers. Some may have gone before. */
  acknowledge({ through }: Pick<FinishedBatch, 'through'>): void {
    this.#gone = Math.max(this.#gone, through);
  }

  #at(position: number): FinishedRequest {
    const at = (position % this.#capacity) * fields;
    const number = (field: number) => this.#numbers[at + field] as number;
    return {
      requestIdx: number(0),
      outcome: outcomes[number(1)] as Outcome,
      enteredQueueAt: number(2),
      workStartedAt: number(3),
      workCompletedAt: number(4),
    };
  }

  #grow(): void {
    const capacity = Math.min(this.#capacity * 2, this.#limit);
    const numbers = new Float64Array(capacity * fields);
    for (let position = this.#gone; position < this.#noted; position += 1) {
      const from = (position % this.#capacity) * fields;
      numbers.set(this.#numbers.subarray(from, from + fields), (position % capacity) * fields);
    }
    this.#numbers = numbers;
    this.#capacity = capacity;
  }
}
