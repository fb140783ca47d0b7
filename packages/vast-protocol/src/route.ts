import { z } from 'zod';
import { authDataSchema } from './auth-data.ts';

/** `POST /route/`: a client asks the control plane for a worker. */

export const routeRequestSchema = z.looseObject({
  endpoint: z.string(),
  api_key: z.string(),
  /** Load of the request, in the workers' unit. */
  cost: z.number().default(100),
  /** 0 for a new request; afterwards the number it was given, so that it keeps its place. */
  request_idx: z.int().default(0),
  /** Seconds. */
  replay_timeout: z.number().default(60),
});
export type RouteRequest = z.output<typeof routeRequestSchema>;

/** A worker is free: this is the grant, to be sent to it as `auth_data`. */
export const readyAnswerSchema = authDataSchema;

/**
 * No worker is free: ask again with the same `request_idx`, so that the request keeps its place. The vendor's
 * documentation leaves `request_idx` out; the reference's client reads it.
 */
export const waitingAnswerSchema = z.looseObject({
  /** A grant that lacks something else is not a place in the queue. */
  url: z.undefined().optional(),
  request_idx: z.int().optional(),
  endpoint: z.string().optional(),
  /** How many workers are in which state. The form of the text is not specified. */
  status: z.string().optional(),
});

export const routeAnswerSchema = z.union([readyAnswerSchema, waitingAnswerSchema]);
export type ReadyAnswer = z.output<typeof readyAnswerSchema>;
export type WaitingAnswer = z.output<typeof waitingAnswerSchema>;
export type RouteAnswer = ReadyAnswer | WaitingAnswer;

/** The presence of `url` is the only test, as in the reference's client. */
export const isReady = (answer: RouteAnswer): answer is ReadyAnswer => 'url' in answer && answer.url !== undefined;
