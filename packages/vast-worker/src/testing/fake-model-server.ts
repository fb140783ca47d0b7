import type { IncomingMessage, ServerResponse } from 'node:http';
import { FakeServer, readAll, Waiters } from './fake-server.ts';

/** One request as the model server saw it. */
export interface ModelRequest {
  path: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
  response: ServerResponse;
  /** The caller (the worker) closed before the answer's end. */
  isAborted: boolean;
}

export type Answer = (request: ModelRequest) => void;

const answerJson: Answer = ({ response, body }) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ echo: body.toString() }));
};

/** A small working model server: answers, holds, fails, disappears and comes back, and remembers what it was asked. */
export class FakeModelServer {
  readonly requests: ModelRequest[] = [];
  /** What POSTs are answered with. */
  answer: Answer = answerJson;
  health = 200;
  /** What GET /info answers; undefined: 404. */
  info: object | undefined;
  /** What GET /metrics answers; undefined: 404. */
  metrics: string | undefined;
  readonly #server: FakeServer;
  readonly #waiters = new Waiters();
  #held: ModelRequest[] | undefined;

  constructor() {
    this.#server = new FakeServer((request, response) => void this.#serve(request, response));
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return this.#server.url;
  }

  listen(): Promise<void> {
    return this.#server.listen();
  }

  /** As a killed process: connections reset, new ones refused. `listen` brings it back on the same port. */
  kill(): Promise<void> {
    this.#held = undefined;
    return this.#server.close();
  }

  /** From now on requests wait for `release`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Answers held requests, the oldest `count` of them, or all and holds no more. */
  release(count?: number): void {
    const held = this.#held ?? [];
    const released = held.splice(0, count ?? held.length);
    if (count === undefined) this.#held = undefined;
    for (const request of released) this.answer(request);
  }

  /** Resolves when `count` POSTs have come since the last `forget`. */
  received(count: number): Promise<void> {
    return this.#waiters.until(() => this.requests.length >= count);
  }

  /** Resolves when `count` POSTs were given up by the caller. */
  aborted(count: number): Promise<void> {
    return this.#waiters.until(() => this.requests.filter(({ isAborted }) => isAborted).length >= count);
  }

  forget(): void {
    this.requests.length = 0;
  }

  connections(): Promise<number> {
    return this.#server.connections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      if (request.url === '/metrics' && this.metrics !== undefined) {
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(this.metrics);
        return;
      }
      const isInfo = request.url === '/info' && this.info !== undefined;
      response.writeHead(isInfo ? 200 : request.url === '/health' ? this.health : 404).end(isInfo ? JSON.stringify(this.info) : '');
      return;
    }
    const body = await readAll(request).catch(() => undefined);
    if (!body) return;
    const received: ModelRequest = { path: request.url ?? '', headers: request.headers, body, response, isAborted: false };
    response.once('close', () => {
      received.isAborted = !response.writableFinished;
      this.#waiters.look();
    });
    this.requests.push(received);
    this.#waiters.look();
    if (this.#held) this.#held.push(received);
    else this.answer(received);
  }
}
