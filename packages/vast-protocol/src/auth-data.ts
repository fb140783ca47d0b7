import { z } from 'zod';

/**
 * `auth_data`: the router's grant, as it answered the client, passed on unchanged. Unknown keys are kept: a session is
 * later recognised by the whole object. Source: `AuthData`, the reference worker's `data_types.py`.
 */
export const authDataSchema = z.looseObject({
  /** Load the client asked for. */
  cost: z.number(),
  /** Name of the endpoint. */
  endpoint: z.string(),
  /** The router's number of the request, per worker. May repeat. */
  reqnum: z.int(),
  /** The control plane's number of the request, echoed in reports. */
  request_idx: z.int(),
  /** Base64. */
  signature: z.string().min(1),
  /** The worker's own address; what the signature covers. */
  url: z.string(),
});
export type AuthData = z.output<typeof authDataSchema>;
