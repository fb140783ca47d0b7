import type { IncomingMessage } from 'node:http';
import { TokenBucket } from '../domain/token-bucket.ts';
import { errorCatalogue, type WorkerError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { OpenSpan, SpanSource } from './otlp-spans.ts';
import { traceHeaders } from './trace-context.ts';

/**
 * OpenTelemetry spans, one per request that was authenticated: from admission to the end of the answer. Strangers get none, so that
 * they cannot crowd out others. The library is loaded when tracing is on, and not before.
 */

export interface TracingConfig {
  /** Where spans are posted, as OTLP in JSON. */
  url: string;
  headers: Readonly<Record<string, string>>;
  serviceName: string;
  /** Share of requests without a trace of their own that get a span, 0 to 1. */
  ratio: number;
  /** The most of them that do, when `followsParent`. */
  spansPerSecond: number;
  /** Whether a caller's own decision counts for its requests. */
  followsParent: boolean;
}

export interface SpanFacts {
  route: string;
  workload: number | undefined;
  /** What the caller calls the model, when that is a name. */
  model: unknown;
  /** Epoch seconds. */
  startedAt: number;
}

export interface SpanEnding {
  /** Sent to the client; undefined when nobody was left to answer. */
  status: number | undefined;
  outcome: string;
  waitSeconds: number | undefined;
  error: WorkerError | undefined;
}

const closeTimeoutMs = 3_000;

export class Tracing {
  readonly #config: TracingConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #count: (result: 'exported' | 'failed', spans: number) => void;
  /** undefined: no limit. */
  readonly #bucket: TokenBucket | undefined;
  #spans: SpanSource | undefined;
  #isFailing = false;

  constructor(options: {
    config: TracingConfig;
    clock: Clock;
    log: Logger;
    count: (result: 'exported' | 'failed', spans: number) => void;
  }) {
    this.#config = options.config;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#count = options.count;
    const { spansPerSecond } = options.config;
    this.#bucket = spansPerSecond === Number.POSITIVE_INFINITY ? undefined : new TokenBucket(spansPerSecond, 1);
  }

  /** Loads the library; requests before that have no span. */
  async open(): Promise<void> {
    const { createSpanSource } = await import('./otlp-spans.ts');
    this.#spans = createSpanSource(this.#config, (isGood, spans) => this.#noteExport(isGood, spans));
  }

  begin(request: IncomingMessage, { route, workload, model, startedAt }: SpanFacts): RequestSpan | undefined {
    const incoming = traceHeaders(request);
    if (!this.#spans || this.#isLeftOut(incoming, startedAt)) return undefined;
    const span = this.#spans.start(`POST ${route}`, startedAt * 1000, incoming?.traceparent, {
      'http.request.method': 'POST',
      'http.route': route,
      'gen_ai.operation.name': operations.get(route),
      'gen_ai.request.model': typeof model === 'string' && modelName.test(model) ? model : undefined,
      'vast_worker.workload': workload,
    });
    return new RequestSpan(span, incoming?.tracestate);
  }

  /** Sends what is left, for as long as that may take. */
  async close(): Promise<void> {
    const giveUp = new AbortController();
    const late = this.#clock.sleep(closeTimeoutMs, giveUp.signal).catch(() => undefined);
    await Promise.race([this.#spans?.close().catch(() => undefined), late]);
    giveUp.abort();
  }

  /** Decided here and not by the library's sampler, which makes ids for what it then leaves out. */
  #isLeftOut(incoming: object | undefined, startedAt: number): boolean {
    const { followsParent, ratio } = this.#config;
    if (!followsParent || incoming) return false;
    if (Math.random() >= ratio) return true;
    if (!this.#bucket) return false;
    if (this.#bucket.secondsUntil(1, startedAt) > 0) return true;
    this.#bucket.take(1, startedAt);
    return false;
  }

  #noteExport(isGood: boolean, spans: number): void {
    this.#count(isGood ? 'exported' : 'failed', spans);
    if (isGood === !this.#isFailing) return;
    this.#isFailing = !isGood;
    if (isGood) this.#log.info({}, 'spans are taken again');
    else this.#log.warn({ url: withoutCredentials(this.#config.url) }, 'spans are not taken; they are dropped, and requests go on');
  }
}

export class RequestSpan {
  /** For calls made for the request: our span is their parent. */
  readonly headers: Record<string, string>;
  readonly #span: OpenSpan;

  constructor(span: OpenSpan, tracestate: string | undefined) {
    this.#span = span;
    this.headers = tracestate === undefined ? { traceparent: span.traceparent } : { traceparent: span.traceparent, tracestate };
  }

  /** A span of a server fails by its own fault: 5xx and lost model servers, not by what callers ask for or leave. */
  end({ status, outcome, waitSeconds, error }: SpanEnding): void {
    this.#span.end(
      {
        'http.response.status_code': status,
        'error.type': error?.code ?? (status !== undefined && status >= 500 ? String(status) : undefined),
        'vast_worker.outcome': outcome,
        'vast_worker.queue_wait_seconds': waitSeconds,
      },
      (status !== undefined && status >= 500) || (error !== undefined && errorCatalogue[error.code].status >= 500),
    );
  }
}

/** `gen_ai.operation.name`, where there is one for the route. Source: OpenTelemetry's semantic conventions for generative AI (in development). */
const operations = new Map([
  ['/v1/embeddings', 'embeddings'],
  ['/embeddings', 'embeddings'],
  ['/embed', 'embeddings'],
  ['/v1/completions', 'text_completion'],
  ['/v1/chat/completions', 'chat'],
]);

/** Names of models, and nothing that a caller might otherwise write there. */
const modelName = /^[\w.:/@+-]{1,128}$/;

const withoutCredentials = (url: string) => {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
};
