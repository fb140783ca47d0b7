import { z } from 'zod';

/** Sessions pin a client to a worker and reserve load for their life. Times are epoch seconds. */

/** The payload of `POST /session/create`. */
export const createSessionSchema = z.looseObject({
  /** Seconds without a request after which the session ends. */
  lifetime: z.number().positive().default(60),
  on_close_route: z.string().nullable().default(null),
  /** Sent to `on_close_route` when the session ends; kept only when there is such a route. */
  on_close_payload: z.unknown().optional(),
});
export type CreateSession = z.output<typeof createSessionSchema>;

export const createdSessionSchema = z.looseObject({ session_id: z.string(), expiration: z.number() });
export type CreatedSession = z.output<typeof createdSessionSchema>;

/** The body of get, health and end: the grant the session was created with, whole. */
export const sessionRequestSchema = z.looseObject({
  session_id: z.string().min(1),
  session_auth: z.record(z.string(), z.unknown()),
});
export type SessionRequest = z.output<typeof sessionRequestSchema>;

export const sessionDetailsSchema = z.looseObject({
  session_id: z.string(),
  auth_data: z.record(z.string(), z.unknown()),
  lifetime: z.number(),
  expiration: z.number(),
  created_at: z.number(),
  on_close_route: z.string().nullable(),
  on_close_payload: z.unknown(),
});
export type SessionDetails = z.output<typeof sessionDetailsSchema>;

export const sessionHealthSchema = z.looseObject({ ok: z.boolean() });
export const endedSessionSchema = z.looseObject({ ended: z.literal(true), removed_session: z.string() });
