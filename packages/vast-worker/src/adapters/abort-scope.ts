import { type Abortable, abortWith, leave } from './abort-with.ts';

/**
 * The signal of one piece of work: aborts with `parent`, after `timeoutMs`, or by `abort`. When the work is over nothing of it
 * is left with the parent, and whatever still waits for the signal ends. `AbortSignal.any`, and listeners that nobody takes back,
 * stay until a full collection, or as long as a parent that lives as long as the worker.
 */
export class AbortScope implements Disposable, Abortable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #timer: NodeJS.Timeout | undefined;
  position: number | undefined;

  constructor(parent: AbortSignal, timeoutMs?: number, timeoutReason: () => Error = timeoutError) {
    this.#parent = parent;
    abortWith(parent, this);
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.abort(timeoutReason()), timeoutMs).unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    leave(this.#parent, this);
    this.abort(workIsOver);
  }
}

/** As `AbortSignal.timeout` has it. */
const timeoutError = () => new DOMException('The work took too long.', 'TimeoutError');
/** One for all: a stack for each would cost more than the work of a probe. */
const workIsOver = new Error('the work is over');
