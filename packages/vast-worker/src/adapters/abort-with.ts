import { addTo, type Placed, removeFrom } from '../domain/placed.ts';

/** Work that ends when a signal aborts. */
export interface Abortable extends Placed {
  abort(reason: unknown): void;
}

/** A signal, and what ends with it. */
type WithWork = AbortSignal & { [workOf]?: Abortable[] };
const workOf = Symbol('what ends with this signal');

/**
 * Aborts `work` when `signal` aborts, at once if it has. One listener for all. A listener of each would know the next one even when it
 * is taken back: once one of them is old, all that come after it become old, and stay until a full collection. An idle worker grew by
 * 1 MB a minute.
 */
export function abortWith(signal: WithWork, work: Abortable): void {
  if (signal.aborted) work.abort(signal.reason);
  else addTo(signal[workOf] ?? listen(signal), work);
}

/** The work is over. Leaving again changes nothing. */
export function leave(signal: WithWork, work: Abortable): void {
  removeFrom(signal[workOf] ?? [], work);
}

function listen(signal: WithWork): Abortable[] {
  const all: Abortable[] = [];
  signal[workOf] = all;
  const abortAll = () => {
    for (const work of [...all]) {
      removeFrom(all, work);
      work.abort(signal.reason);
    }
  };
  signal.addEventListener('abort', abortAll, { once: true });
  return all;
}
