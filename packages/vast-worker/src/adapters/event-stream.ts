import type { Exchange } from './exchange.ts';
import type { ErrorBody } from './reply.ts';

/** Answers that are streams of events (SSE), and what proxies in between need to leave them alone. */

/** Nothing on the way may keep, compress or collect events. `x-accel-buffering` is nginx's word for it. */
export const eventStreamHeaders = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' } as const;

export const isEventStreamType = (contentType: unknown): boolean =>
  typeof contentType === 'string' && contentType.startsWith('text/event-stream');

/** Begins the answer before there is one: 200, whatever comes of it; what goes wrong later is told in an event. */
export function openEventStream({ response, answerHeaders, stream }: Exchange): void {
  stream.isOpen = true;
  response.writeHead(200, { ...answerHeaders, 'content-type': 'text/event-stream; charset=utf-8', ...eventStreamHeaders });
}

/** Clients skip it; proxies see that the connection lives. */
export function sendComment({ response }: Exchange): void {
  response.write(': keep-alive\n\n');
}

/** One event, its JSON on one line. */
export function sendEvent({ response }: Exchange, json: string): void {
  response.write(`data: ${json}\n\n`);
}

/** A clean end that nobody takes for success: what clients of OpenAI's API read as an error. */
export function endWithErrorEvent(exchange: Exchange, body: ErrorBody): void {
  const { response, stream } = exchange;
  if (!stream.isBetweenEvents) response.write('\n\n'); // of the event that broke off
  sendEvent(exchange, JSON.stringify({ error: body.error }));
  response.end();
}
