import type { IncomingMessage, ServerResponse } from 'node:http';
import { WorkerError } from '../errors.ts';
import type { RequestSpan } from './tracing.ts';

/** Whoever works for a client, and has to stop when it leaves. */
export interface ClientWatcher {
  /** Called once, when the client leaves or `abort` ends the exchange from our side. */
  clientGone(reason: WorkerError): void;
}

/**
 * One request and its answer, and whether the client is still there. Who works for the client either becomes its
 * `watcher` (which allocates nothing: closures here outlived thousands of requests) or takes `signal`.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** For logs, and for the answer when the worker names itself. */
  readonly requestId: string;
  /** What every answer carries: ids, or nothing. */
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** What became of an answer that is a stream of events. */
  readonly stream = { isOpen: false, hasAnswer: false, isBetweenEvents: true };
  /** Of a request that is traced. */
  span: RequestSpan | undefined;
  /** One at a time: whoever works for the client at present. */
  watcher: ClientWatcher | undefined;
  #reason: WorkerError | undefined;
  #controller: AbortController | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, requestId: string, answerHeaders: Readonly<Record<string, string>>) {
    this.request = request;
    this.response = response;
    this.requestId = requestId;
    this.answerHeaders = answerHeaders;
    response.once('close', () => {
      if (!response.writableFinished) this.abort(new WorkerError('REQUEST_ABORTED', 'the client left'));
    });
  }

  /** Why the work for this client is over before its end. */
  get abortReason(): WorkerError | undefined {
    return this.#reason;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** Ends the work for this client. The first reason counts. */
  abort(reason: WorkerError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.watcher?.clientGone(reason);
  }
}
