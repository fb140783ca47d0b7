/**
 * The signal of one piece of work: aborts with `parent`, after `timeoutMs`, or by `abort`. When the work is over nothing of it
 * is left with the parent, and whatever still waits for the signal ends. `AbortSignal.any`, and listeners that nobody takes back,
 * stay until a full collection, or as long as a parent that lives as long as the worker.
 */
export class AbortScope implements Disposable {
  readonly #controller = new AbortController();
  readonly #siblings: AbortScope[];
  readonly #timer: NodeJS.Timeout | undefined;
  #position: number;

  constructor(parent: AbortSignal, timeoutMs?: number, timeoutReason: () => Error = timeoutError) {
    this.#siblings = openScopesOf(parent);
    this.#position = this.#siblings.push(this) - 1;
    if (parent.aborted) this.abort(parent.reason);
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
    this.#leave();
    this.abort(workIsOver);
  }

  /** The last one takes its position. Leaving again changes nothing. */
  #leave(): void {
    if (this.#siblings[this.#position] !== this) return;
    const last = this.#siblings.pop() as AbortScope;
    if (last === this) return;
    this.#siblings[this.#position] = last;
    last.#position = this.#position;
  }
}

/**
 * One listener for all scopes of a parent, and an array of them. A listener of each would know the next one even when it is
 * taken back, and the tables of a Set know the next table: once one of them is old, all that come after it become old, and
 * stay until a full collection. An idle worker grew by 1 MB a minute.
 */
const openScopes = new WeakMap<AbortSignal, AbortScope[]>();

function openScopesOf(parent: AbortSignal): AbortScope[] {
  const known = openScopes.get(parent);
  if (known) return known;
  const scopes: AbortScope[] = [];
  openScopes.set(parent, scopes);
  parent.addEventListener('abort', () => [...scopes].forEach((scope) => scope.abort(parent.reason)), { once: true });
  return scopes;
}

/** As `AbortSignal.timeout` has it. */
const timeoutError = () => new DOMException('The work took too long.', 'TimeoutError');
/** One for all: a stack for each would cost more than the work of a probe. */
const workIsOver = new Error('the work is over');
