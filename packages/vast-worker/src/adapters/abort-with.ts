/** Work that ends when a signal aborts. */
export interface Abortable {
  abort(reason: unknown): void;
  /** For this file: where the signal keeps it. */
  position: number;
}

/** A signal, and what ends with it. */
type WithWork = AbortSignal & { [workOf]?: Abortable[] };
const workOf = Symbol('what ends with this signal');

/**
 * Aborts `work` when `signal` aborts, at once if it has. One listener for all, and an array of them. A listener of each would know
 * the next one even when it is taken back, and the tables of a Set know the next table: once one of them is old, all that come after it
 * become old, and stay until a full collection. An idle worker grew by 1 MB a minute.
 */
export function abortWith(signal: WithWork, work: Abortable): void {
  if (signal.aborted) work.abort(signal.reason);
  else work.position = (signal[workOf] ?? listen(signal)).push(work) - 1;
}

/** The work is over. The last one takes its position. Leaving again changes nothing. */
export function leave(signal: WithWork, work: Abortable): void {
  const all = signal[workOf];
  if (all?.[work.position] !== work) return;
  const last = all.pop() as Abortable;
  if (last === work) return;
  all[work.position] = last;
  last.position = work.position;
}

function listen(signal: WithWork): Abortable[] {
  const all: Abortable[] = [];
  signal[workOf] = all;
  signal.addEventListener('abort', () => all.splice(0).forEach((work) => work.abort(signal.reason)), { once: true });
  return all;
}
