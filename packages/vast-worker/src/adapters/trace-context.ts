import type { IncomingMessage } from 'node:http';

/**
 * W3C Trace Context, passed on to the model server: its spans then belong to the caller's trace. What is not well formed is
 * left out, as the recommendation asks; so is `tracestate` without a `traceparent`.
 */
const traceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const maxStateLength = 512;

/** undefined, and nothing allocated, for a request without. */
export function traceHeaders({ headers }: IncomingMessage): Record<string, string> | undefined {
  const parent = headers.traceparent;
  if (typeof parent !== 'string' || !traceparent.test(parent)) return undefined;
  const state = headers.tracestate;
  const isFit = typeof state === 'string' && state.length <= maxStateLength;
  return isFit ? { traceparent: parent, tracestate: state } : { traceparent: parent };
}
