import { z } from 'zod';
import { pathPattern } from '../adapters/http-grammar.ts';
import type { CallModelInit } from '../adapters/model-server-client.ts';
import type { ModelServerInstance } from '../adapters/model-server-identity.ts';

/**
 * What serves one path. Names and defaults are the reference worker's in camelCase, so that a `worker.py` translates
 * line by line; what is ours is marked.
 */

/** The JSON object a caller sent as `payload`. */
export type Payload = Record<string, unknown>;

type Calculator = (payload: Payload) => number;
type Parser = (payload: Payload) => Payload | Promise<Payload>;
type Generator = () => Payload;

const functionOf = <Signature>(what: string) =>
  z.custom<Signature>((value) => typeof value === 'function', { error: `expected a function: ${what}` });

const payloadObject = z.record(z.string(), z.unknown());

export const BenchmarkConfig = z
  .strictObject({
    /** Payloads to choose from, in turn. */
    dataset: z.array(payloadObject).min(1).optional(),
    /** Makes one payload a call. */
    generator: functionOf<Generator>('() => payload').optional(),
    /** Rounds. */
    runs: z.int().min(1).max(1000).default(8),
    /** Requests at once in a round; 1 on a serial route. */
    concurrency: z.int().min(1).max(1000).default(10),
    /** Ours. Doubles the concurrency from 1 up to this, for as long as throughput grows; takes the place of `concurrency`. */
    sweepTo: z.int().min(2).max(4096).optional(),
    /** One request before the first round, not measured. */
    doWarmup: z.boolean().default(true),
  })
  .refine((config) => (config.dataset === undefined) !== (config.generator === undefined), {
    error: 'expected either a dataset or a generator',
  });
export type BenchmarkConfig = z.input<typeof BenchmarkConfig>;

/** A `fetch` to the model server, relative paths only, under the request's own ticket: its abort and its books. */
export type CallModel = (path: string, init?: CallModelInit) => Promise<Response>;
export interface RespondInput<P = Payload> {
  payload: P;
  /** Aborts when the client leaves or the drain's time is up. */
  signal: AbortSignal;
  callModel: CallModel;
  /** Who answers just now, for handlers that keep answers; undefined when it does not say. Never throws. */
  identifyModelServer: () => Promise<ModelServerInstance | undefined>;
}
/** Answers with a `Response`, its body streamed to the client; or with undefined: relay the payload as it came. */
export type Respond<P = Payload> = (input: RespondInput<P>) => Response | undefined | Promise<Response | undefined>;

export const HandlerConfig = z.strictObject({
  /** The HTTP path, POST. */
  route: z.string().regex(/^\/[^?#\s]*$/, { error: 'expected a path such as /v1/embeddings, without query' }),
  /** Ours. Checked against the parsed payload; what it rejects is a 422. Nothing it transforms reaches the model server. */
  payload: z.custom<z.ZodType>((value) => value instanceof z.ZodType, { error: 'expected a zod schema' }).optional(),
  /** Cost of a request in the worker's `workloadUnit`. Default: the known route's measure, else 100. */
  workloadCalculator: functionOf<Calculator>('(payload) => number').optional(),
  /** false: strictly one at a time, first in first out. */
  allowParallelRequests: z.boolean().default(false),
  /** Ours. Requests of a parallel route at once; the rest wait their turn. Default: any number. */
  maxConcurrency: z.int().min(1).optional(),
  /** Seconds a request may wait, by estimate on arrival and by the clock in the queue. null: any time. */
  maxQueueTime: z.number().positive().nullable().default(30),
  /** Ours. Requests that may wait for their turn at once; more are refused. Where all run at once nobody waits. */
  maxQueueLength: z.int().min(0).default(1_000),
  /** Turns the caller's payload into the model server's. */
  requestParser: functionOf<Parser>('(payload) => payload').optional(),
  benchmarkConfig: BenchmarkConfig.optional(),
  /** Ours. The model server's path; default: the route. */
  upstreamPath: z
    .string()
    .regex(new RegExp(`^${pathPattern}$`), 'a path, percent-encoded')
    .optional(),
  /** Ours. Serial handlers of the same lane take turns with each other. */
  lane: z.string().min(1).default('default'),
  /** Ours. For handlers that do more than relay. */
  respond: functionOf<Respond>('({ payload, signal, callModel }) => Response').optional(),
});
export type HandlerConfig = z.input<typeof HandlerConfig>;
export type Handler = z.output<typeof HandlerConfig>;

type TypedHandler<Schema extends z.ZodType> = Omit<HandlerConfig, 'payload' | 'workloadCalculator' | 'requestParser' | 'respond'> & {
  payload: Schema;
  workloadCalculator?: (payload: z.output<Schema>) => number;
  requestParser?: (payload: z.output<Schema>) => Payload | Promise<Payload>;
  respond?: Respond<z.output<Schema>>;
};

/** Infers the payload's type from its schema. The schema has to accept exactly what the functions rely on. */
export function defineHandler<Schema extends z.ZodType>(handler: TypedHandler<Schema>): HandlerConfig {
  return handler as unknown as HandlerConfig;
}
