import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { WorkerError } from '../errors.ts';
import { eventStreamHeaders, isEventStreamType, sendEvent } from './event-stream.ts';
import type { ClientWatcher, Exchange } from './exchange.ts';
import { writeChunk } from './write-chunk.ts';

/**
 * The model server's answer, passed on byte for byte as it comes: nothing parsed, nothing held back, no faster than the
 * client reads. Compressed answers stay compressed.
 */

/** Headers that reach the client; all others are between us and the model server. `x-compute-*` are TEI's figures. */
const passedOnHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'content-language',
  'content-disposition',
  'cache-control',
  'retry-after',
  'x-compute-type',
  'x-compute-time',
  'x-compute-characters',
  'x-compute-tokens',
  'x-total-time',
  'x-tokenization-time',
  'x-queue-time',
  'x-inference-time',
]);

/** Resolves with the status once the client's socket has the last byte; rejects with what `translate` makes of an error. */
export function relayAnswer(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  exchange: Exchange,
  translate: (error: unknown) => unknown,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(translate(error));
    if (exchange.abortReason) fail(exchange.abortReason);
    else dispatcher.dispatch(request, new Relay(exchange, resolve, fail));
  });
}

class Relay implements Dispatcher.DispatchHandler, ClientWatcher {
  readonly #exchange: Exchange;
  readonly #response: ServerResponse;
  readonly #resolve: (status: number) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #contentLength: number | undefined;
  /** An answer that came in one piece: head and body leave in one write. */
  #whole: Buffer | undefined;
  /** An answer that is no stream of events, to a client whose stream has begun already: collected, told in one event. */
  #lateAnswer: Buffer[] | undefined;

  constructor(exchange: Exchange, resolve: (status: number) => void, reject: (error: unknown) => void) {
    this.#exchange = exchange;
    this.#response = exchange.response;
    this.#resolve = resolve;
    this.#reject = reject;
    exchange.watcher = this;
  }

  clientGone(reason: WorkerError): void {
    this.#controller?.abort(reason);
    this.#reject(reason); // also when the call has no connection yet
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#exchange.abortReason) controller.abort(this.#exchange.abortReason);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    const { stream, answerHeaders } = this.#exchange;
    stream.hasAnswer = true;
    if (stream.isOpen) {
      if (status !== 200 || !isEventStreamType(headers['content-type'])) this.#lateAnswer = [];
      return;
    }
    if (isEventStreamType(headers['content-type']) && isAppendable(headers)) stream.isOpen = true;
    this.#response.writeHead(status, passedOn(headers, answerHeaders));
    if (headers['content-length'] === undefined)
      this.#response.flushHeaders(); // a stream: its first byte may be long in coming
    else this.#contentLength = Number(headers['content-length']);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#lateAnswer) {
      this.#lateAnswer.push(chunk);
      return;
    }
    if (this.#exchange.stream.isOpen) this.#exchange.stream.isBetweenEvents = endsEvent(chunk);
    if (chunk.length === this.#contentLength) {
      this.#whole = chunk;
      return;
    }
    const full = writeChunk(this.#response, chunk);
    if (full && !controller.paused) this.#waitForDrain(full, controller);
  }

  #waitForDrain(full: Writable, controller: Dispatcher.DispatchController): void {
    controller.pause();
    full.once('drain', () => controller.resume());
  }

  onResponseEnd(): void {
    this.#exchange.watcher = undefined;
    if (this.#lateAnswer) sendLateAnswer(this.#exchange, this.#status, Buffer.concat(this.#lateAnswer));
    this.#response.end(this.#whole);
    this.#whole = undefined; // the HTTP client's old queues hold some of us for long
    this.#resolve(this.#status);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#exchange.watcher = undefined;
    this.#reject(error);
  }
}

/** Errors can be told at its end: it is not compressed, and its length not promised. */
const isAppendable = (headers: IncomingHttpHeaders) => headers['content-encoding'] === undefined && headers['content-length'] === undefined;

/** Whether the last event is complete: a blank line ends it. */
const endsEvent = (chunk: Buffer) => chunk.at(-1) === 0x0a && (chunk.at(-2) === 0x0a || (chunk.at(-2) === 0x0d && chunk.at(-3) === 0x0a));

/** The model server's own words where they are JSON: an error it has, or an answer in one piece. */
function sendLateAnswer(exchange: Exchange, status: number, body: Buffer): void {
  const json = oneLine(body);
  if (json !== undefined && (status < 400 || json.startsWith('{"error":{'))) return sendEvent(exchange, json);
  const message = `The model server answered ${status}.`;
  sendEvent(exchange, JSON.stringify({ error: { message, type: 'server_error', param: null, code: status } }));
}

function oneLine(body: Buffer): string | undefined {
  try {
    return JSON.stringify(JSON.parse(body.toString()));
  } catch {
    return undefined;
  }
}

function passedOn(headers: IncomingHttpHeaders, own: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  const result: Record<string, string | string[]> = { ...own };
  for (const name of Object.keys(headers)) if (passedOnHeaders.has(name)) result[name] = headers[name] as string | string[];
  return isEventStreamType(headers['content-type']) ? Object.assign(result, eventStreamHeaders) : result;
}

/** The answer of a `respond` handler, streamed to the client. @returns its status */
export async function sendResponse(answer: Response, exchange: Exchange): Promise<number> {
  const { response, stream } = exchange;
  const isStream = isEventStreamType(answer.headers.get('content-type'));
  stream.hasAnswer = true;
  if (stream.isOpen && !(isStream && answer.status === 200)) {
    sendLateAnswer(exchange, answer.status, Buffer.from(await answer.arrayBuffer()));
    response.end();
    return answer.status;
  }
  if (!stream.isOpen) {
    const headers = passedOn(Object.fromEntries(answer.headers), exchange.answerHeaders);
    delete headers['content-encoding']; // a `fetch` has decoded the body that it hands out
    delete headers['content-length'];
    stream.isOpen = isStream;
    response.writeHead(answer.status, headers);
  }
  if (answer.body === null) {
    response.end();
    return answer.status;
  }
  response.flushHeaders();
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  exchange.watcher = { clientGone: (reason) => void reader.cancel(reason).catch(() => undefined) };
  for (;;) {
    const { done, value } = await reader.read();
    if (exchange.abortReason) throw exchange.abortReason;
    if (done) break;
    const piece = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (stream.isOpen) stream.isBetweenEvents = endsEvent(piece);
    const full = writeChunk(response, piece);
    if (full) await drained(full);
  }
  exchange.watcher = undefined;
  response.end();
  return answer.status;
}

/** Resolves when it takes more, or is gone. */
function drained(full: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      full.off('drain', done);
      full.off('close', done);
      resolve();
    };
    full.once('drain', done);
    full.once('close', done);
  });
}
