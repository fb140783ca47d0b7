import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { Agent, RetryAgent, request } from 'undici';
import { version } from '../version.ts';
import type { TracingConfig } from './tracing.ts';

/** The only file that knows OpenTelemetry's library; loaded when tracing is on. */

export interface OpenSpan {
  traceparent: string;
  end(attributes: Attributes, isFailure: boolean): void;
}

export interface SpanSource {
  /**
   * @param startedAt epoch milliseconds
   * @param parent a well-formed `traceparent`
   */
  start(name: string, startedAt: number, parent: string | undefined, attributes: Attributes): OpenSpan;
  close(): Promise<void>;
}

/** Spans that wait to be sent; more are dropped. */
const maxQueuedSpans = 4_096;
const sendEveryMs = 2_000;
const sendTimeoutMs = 5_000;
/** `ExportResultCode` of OpenTelemetry. */
const [success, failed] = [0, 1];

/** @param noteExport hears of every batch that was sent, or could not be */
export function createSpanSource(config: TracingConfig, noteExport: (isGood: boolean, spans: number) => void): SpanSource {
  const exporter = createExporter(config, noteExport);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': config.serviceName }),
    // requests without a trace of their own that come here were chosen already
    sampler: config.followsParent ? new ParentBasedSampler({ root: new AlwaysOnSampler() }) : new TraceIdRatioBasedSampler(config.ratio),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: maxQueuedSpans,
        scheduledDelayMillis: sendEveryMs,
        exportTimeoutMillis: sendTimeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer('@bluefly/vast-worker', version);
  return {
    start(name, startedAt, parent, attributes) {
      const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent));
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, startTime: startedAt, attributes }, context);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        end(ending, isFailure) {
          span.setAttributes(ending);
          if (isFailure) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    close: () => provider.shutdown(),
  };
}

function spanContextOf(traceparent: string) {
  const [, traceId, spanId, flags] = traceparent.split('-') as [string, string, string, string];
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/**
 * Posts with undici, as everything else of ours does. OpenTelemetry's own exporter posts with Node's client, and from its first
 * batch on V8 runs worse code for the server, which shares its streams with that client. For the same reason it posts a `Buffer`,
 * as all others do: a plain `Uint8Array` is another kind of object to every stream on the way.
 */
function createExporter({ url, headers }: TracingConfig, noteExport: (isGood: boolean, spans: number) => void): SpanExporter {
  const agent = new Agent({ allowH2: false, connections: 1, connectTimeout: sendTimeoutMs });
  const dispatcher = new RetryAgent(agent, { methods: ['POST'], statusCodes: retriedStatuses });

  async function post(spans: ReadableSpan[]): Promise<void> {
    const json = JsonTraceSerializer.serializeRequest(spans) as Uint8Array;
    const { statusCode, body } = await request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: Buffer.from(json.buffer, json.byteOffset, json.byteLength),
      signal: AbortSignal.timeout(sendTimeoutMs),
      dispatcher,
    });
    await body.dump();
    if (statusCode >= 300) throw new Error(`the collector answered ${statusCode}`);
  }

  return {
    export(spans, done) {
      const end = (code: number) => {
        noteExport(code === success, spans.length);
        done({ code });
      };
      post(spans).then(
        () => end(success),
        () => end(failed),
      );
    },
    shutdown: () => dispatcher.close(),
  };
}

/** To be tried again, says OTLP's specification. */
const retriedStatuses = [429, 502, 503, 504];
