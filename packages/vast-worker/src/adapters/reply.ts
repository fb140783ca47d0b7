import type { ServerResponse } from 'node:http';
import type { WorkerError } from '../errors.ts';
import { endWithErrorEvent } from './event-stream.ts';
import type { Exchange } from './exchange.ts';

/** Answers that the worker gives in its own name: JSON, with a stable code for every refusal. */

export interface ErrorBody {
  error: { code: string; message: string; type: string; param: null; details?: readonly { path: string; message: string }[] };
  /** Repeated for clients that look for a text at the top (`@huggingface/inference`). */
  message: string;
}

/** The shape that OpenAI clients read. */
export function errorBody(error: WorkerError): ErrorBody {
  return {
    error: {
      code: error.code,
      message: error.safeMessage,
      type: error.status < 500 ? 'invalid_request_error' : 'server_error',
      param: null,
      ...(error.details.length > 0 ? { details: error.details } : {}),
    },
    message: error.safeMessage,
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>>): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { ...headers, 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length });
  response.end(bytes);
}

/**
 * Answers with the error. When an answer has begun it ends so that nobody takes it for complete: a stream of events with
 * one that says so, any other broken off.
 */
export function sendError(exchange: Exchange, error: WorkerError): void {
  const { response, answerHeaders, stream } = exchange;
  if (response.destroyed || response.writableEnded) return;
  if (response.headersSent) {
    if (stream.isOpen) endWithErrorEvent(exchange, errorBody(error));
    else response.destroy();
    return;
  }
  const { retryAfterSeconds } = error;
  const headers = retryAfterSeconds === undefined ? answerHeaders : { ...answerHeaders, 'retry-after': String(retryAfterSeconds) };
  if (exchange.request.complete) sendJson(response, error.status, errorBody(error), headers);
  else sendAndLinger(exchange, error.status, errorBody(error), headers);
}

/** For what a client still sends when its answer is there already. */
const lingerMs = 5_000;

/**
 * Answers a client that still sends. Whoever closes now resets the connection, and the client may never see why: its answer
 * is complete at once, and what it sends is thrown away until it is through, for a bounded time.
 */
function sendAndLinger({ request, response }: Exchange, status: number, body: unknown, headers: Readonly<Record<string, string>>): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { ...headers, 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length });
  response.write(bytes);
  const finish = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(finish, lingerMs);
  request.once('end', finish).once('close', finish).resume();
}
