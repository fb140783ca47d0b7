import { isIPv4 } from 'node:net';
import { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { WorkerError } from '../errors.ts';
import { AbortScope } from './abort-scope.ts';
import type { Clock } from './clock.ts';
import type { Exchange } from './exchange.ts';
import { ModelServerIdentity, type ModelServerInstance } from './model-server-identity.ts';
import { ModelServerPool } from './model-server-pool.ts';
import { relayAnswer } from './response-relay.ts';
import { traceHeaders } from './trace-context.ts';

/** Everything that goes to the model server: relayed requests, calls of handlers, probes. No hidden retries. */

export interface ModelServerOptions {
  /** `http://127.0.0.1:8000` */
  origin: string;
  maxConnections: number;
  /** Seconds. */
  firstByteTimeout: number;
  /** Seconds. */
  idleTimeout: number;
  clock: Clock;
  /** Sent as a bearer token over loopback or https, and never elsewhere. */
  token: string | undefined;
}

export interface CallModelInit {
  /** Default POST. */
  method?: string;
  /** Sent as JSON. */
  json?: unknown;
  headers?: Record<string, string>;
}

export interface ProbeResult {
  ok: boolean;
  /** Of the answer; undefined when there was none. */
  status: number | undefined;
  /** Nobody listens there. */
  isRefused: boolean;
  /** In words for /health and the control plane, without anything the model server wrote. */
  description: string;
}

export class ModelServerClient {
  readonly #pool: Dispatcher;
  readonly #origin: string;
  readonly #jsonHeaders: Record<string, string>;
  readonly #authorization: Record<string, string>;
  #identity: ModelServerIdentity | undefined;
  /** Called when a request met a model server that is not there; the health watch looks at once. */
  onUnreachable: (() => void) | undefined;

  constructor(options: ModelServerOptions) {
    this.#origin = options.origin;
    this.#pool = openPool(options);
    this.#authorization = options.token && mayCarryToken(options.origin) ? { authorization: `Bearer ${options.token}` } : {};
    this.#jsonHeaders = { 'content-type': 'application/json', ...this.#authorization };
  }

  /**
   * Posts `body` and passes the answer on to the client as it comes. Resolves with the answer's status when its last
   * byte is with the client's socket.
   * @throws WorkerError MODEL_SERVER_UNREACHABLE, MODEL_SERVER_TIMEOUT, or the exchange's reason when the client left
   */
  relay(path: string, body: Buffer, exchange: Exchange): Promise<number> {
    const trace = exchange.span?.headers ?? traceHeaders(exchange.request);
    const headers = trace ? { ...this.#jsonHeaders, ...trace } : this.#jsonHeaders;
    return relayAnswer(this.#pool, { path, method: 'POST', headers, body }, exchange, (error) =>
      this.#translate(error, exchange.abortReason),
    );
  }

  /** For handlers: a `fetch` that stays with this model server. @throws WorkerError as `relay` does, also from the answer's body */
  async call(path: string, init: CallModelInit, signal: AbortSignal): Promise<Response> {
    return asResponse(await this.ask(path, init, signal), (error) => this.#translate(error, reasonOf(signal)));
  }

  /** As `call`, for ourselves: the answer as the HTTP client has it. `Response` brings megabytes of Node's `fetch` with it. */
  async ask(path: string, init: CallModelInit, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const url = new URL(path, this.#origin);
    if (!path.startsWith('/') || url.origin !== this.#origin) {
      throw new TypeError(`callModel takes a path of the model server, such as /embed; found ${JSON.stringify(path)}`);
    }
    try {
      return await this.#pool.request({
        path: url.pathname + url.search,
        method: (init.method ?? 'POST') as Dispatcher.HttpMethod,
        headers: {
          ...init.headers,
          'accept-encoding': 'identity',
          ...(init.json === undefined ? {} : this.#jsonHeaders),
          ...this.#authorization,
        },
        ...(init.json === undefined ? {} : { body: JSON.stringify(init.json) }),
        signal,
      });
    } catch (error) {
      throw this.#translate(error, reasonOf(signal));
    }
  }

  /** Who answers just now, seen after this was called; undefined when it does not say. Never throws. */
  identify(): Promise<ModelServerInstance | undefined> {
    this.#identity ??= new ModelServerIdentity(this.#origin, this.#authorization);
    return this.#identity.look();
  }

  /** Its own metrics, in Prometheus' text form. @throws WorkerError MODEL_SERVER_UNREACHABLE, also when it has none; MODEL_SERVER_TIMEOUT */
  async metrics(signal: AbortSignal): Promise<{ contentType: string; text: string }> {
    try {
      const answer = await this.#pool.request({ path: '/metrics', method: 'GET', headers: this.#authorization, signal });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new WorkerError('MODEL_SERVER_UNREACHABLE', `metrics answer ${answer.statusCode}`);
      return { contentType: String(answer.headers['content-type'] ?? 'text/plain; version=0.0.4; charset=utf-8'), text };
    } catch (error) {
      if (signal.aborted) throw new WorkerError('MODEL_SERVER_TIMEOUT', 'metrics', { cause: error });
      throw this.#translate(error, undefined);
    }
  }

  /** One GET, its body read and forgotten. Never throws for what the model server does. */
  async probe(url: string, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    try {
      using limit = new AbortScope(signal, timeoutMs);
      const { pathname, search } = new URL(url);
      const request = { path: pathname + search, method: 'GET', headers: this.#authorization } as const;
      const status = await statusOf(this.#pool, request, limit.signal);
      const ok = status === 200;
      return { ok, status, isRefused: false, description: ok ? 'is healthy' : `answers ${status}` };
    } catch (error) {
      const code = causeCode(error);
      if (code === 'ECONNREFUSED') return { ok: false, status: undefined, isRefused: true, description: 'refuses connections' };
      const isTimeout = error instanceof Error && error.name === 'TimeoutError';
      const description = isTimeout ? `does not answer within ${timeoutMs / 1000} s` : `cannot be reached (${code ?? 'connection lost'})`;
      return { ok: false, status: undefined, isRefused: false, description };
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#identity?.close()]);
  }

  #translate(error: unknown, abortReason: WorkerError | undefined): unknown {
    if (abortReason) return abortReason;
    if (error instanceof WorkerError || error instanceof TypeError) return error; // the second: what a handler asks for cannot be sent
    const code = causeCode(error);
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
      return new WorkerError('MODEL_SERVER_TIMEOUT', code, { cause: error });
    }
    this.onUnreachable?.();
    return new WorkerError('MODEL_SERVER_UNREACHABLE', code ?? 'connection lost', { cause: error });
  }
}

/** Ours speaks no TLS; undici's does, for a model server that is somewhere else. */
function openPool(options: ModelServerOptions): Dispatcher {
  if (new URL(options.origin).protocol === 'http:') return new ModelServerPool(options);
  return new Pool(options.origin, {
    allowH2: false,
    connections: options.maxConnections,
    pipelining: 1,
    connectTimeout: 5_000,
    headersTimeout: options.firstByteTimeout * 1000,
    bodyTimeout: options.idleTimeout * 1000,
    keepAliveTimeout: 4_000, // vLLM closes idle connections after 5 s: let go first
    keepAliveMaxTimeout: 60_000,
  });
}

/** The status of an answer whose body nobody wants. `request` makes streams for each, and an idle worker asks every second. */
function statusOf(dispatcher: Dispatcher, request: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let stop = () => reject(signal.reason);
    signal.addEventListener('abort', () => stop(), { once: true });
    dispatcher.dispatch(request, {
      onRequestStart(controller) {
        stop = () => controller.abort(signal.reason as Error);
        if (signal.aborted) stop();
      },
      onResponseStart(_controller, code) {
        status = code;
      },
      onResponseData() {},
      onResponseEnd: () => resolve(status),
      onResponseError: (_controller, error) => reject(error),
    });
  });
}

const reasonOf = ({ reason }: AbortSignal) => (reason instanceof WorkerError ? reason : undefined);

/**
 * What a `fetch` would hand out. Node's own `Response`: undici's is a second copy of the same.
 * @param translate what breaks the body off: whoever reads it gets the same errors as whoever calls
 */
function asResponse({ statusCode: status, headers, body }: Dispatcher.ResponseData, translate: (error: unknown) => unknown): Response {
  const pairs = Object.entries(headers).flatMap(([name, value]) => [value ?? []].flat().map((one): [string, string] => [name, one]));
  if (bodiless.has(status)) {
    void body.dump().catch(() => undefined);
    return new Response(null, { status, headers: pairs });
  }
  const chunks = Readable.from(translated(body, translate), { objectMode: false });
  return new Response(Readable.toWeb(chunks) as ReadableStream, { status, headers: pairs });
}

async function* translated(body: Readable, translate: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  try {
    yield* body as AsyncIterable<Buffer>;
  } catch (error) {
    throw translate(error);
  }
}

/** Statuses that a `Response` allows no body with. */
const bodiless = new Set([204, 205, 304]);

function mayCarryToken(origin: string): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

function causeCode(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const code = (current as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return code;
    if (current instanceof AggregateError && current.errors[0] instanceof Error) return causeCode(current.errors[0]);
  }
  return undefined;
}
