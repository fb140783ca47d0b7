import { z } from 'zod';

/** The body of `POST /delete_requests/`: requests that are over, so that the control plane lets go of them. */

/** Epoch seconds; 0 = not reached. */
const time = z.number().min(0);

export const finishedRequestSchema = z.strictObject({
  request_idx: z.int(),
  /** Cancelled counts as a success: the worker did nothing wrong. */
  success: z.boolean(),
  status: z.enum(['Success', 'Error', 'Cancelled', 'Rejected']),
  entered_queue_at: time,
  work_started_at: time,
  work_completed_at: time,
});
export type FinishedRequestReport = z.output<typeof finishedRequestSchema>;

export const deleteRequestsSchema = z.strictObject({
  worker_id: z.int(),
  mtoken: z.string(),
  requests: z.array(finishedRequestSchema),
});
export type DeleteRequests = z.output<typeof deleteRequestsSchema>;

/** The form until April 2026: one post for successes and one for failures. */
export const legacyDeleteRequestsSchema = z.looseObject({
  worker_id: z.int(),
  mtoken: z.string().optional(),
  request_idxs: z.array(z.int()),
  success: z.boolean(),
});

/** What a control plane accepts: either form, with whatever else a later worker adds. */
export const receivedDeleteRequestsSchema = z.union([
  deleteRequestsSchema.extend({ requests: z.array(finishedRequestSchema.loose()) }).loose(),
  legacyDeleteRequestsSchema,
]);
export type ReceivedDeleteRequests = z.output<typeof receivedDeleteRequestsSchema>;
