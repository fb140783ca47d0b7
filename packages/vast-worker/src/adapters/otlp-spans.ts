import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
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
/** `ExportResultCode.SUCCESS`. */
const success = 0;

/** @param noteExport hears of every batch that was sent, or could not be */
export function createSpanSource(config: TracingConfig, noteExport: (isGood: boolean, spans: number) => void): SpanSource {
  const otlp = new OTLPTraceExporter({ url: config.url, headers: { ...config.headers }, timeoutMillis: sendTimeoutMs });
  const exporter: SpanExporter = {
    export: (spans, done) =>
      otlp.export(spans, (result) => {
        noteExport(result.code === success, spans.length);
        done(result);
      }),
    shutdown: () => otlp.shutdown(),
  };
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
