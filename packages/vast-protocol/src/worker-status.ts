import { z } from 'zod';

/** Sent as `version`; a mismatch is said to be an error state, so it stays what the reference sends. */
export const protocolVersion = '1.1.0';

/**
 * The body of `POST /worker_status/`, 17 fields in the wire's order and spelling (`num_requests_recieved`). Loads are in
 * the worker's unit. Source: `AutoScalerData`, the reference worker's `data_types.py`.
 */
export const workerStatusSchema = z.strictObject({
  /** `CONTAINER_ID`. */
  id: z.int(),
  mtoken: z.string(),
  version: z.string(),
  /** Seconds from start to ready; 0 until then; repeated in every report. */
  loadtime: z.number().min(0),
  /** Open load. */
  cur_load: z.number().min(0),
  /** Rejected since the last report. */
  rej_load: z.number().min(0),
  /** Received and not cancelled since the last report. */
  new_load: z.number().min(0),
  /** Empty = healthy. */
  error_msg: z.string(),
  /** Load per second. */
  max_perf: z.number().min(0),
  /** Served since the last report: a sum, in spite of its name. */
  cur_perf: z.number().min(0),
  cur_capacity: z.number(),
  max_capacity: z.number(),
  num_requests_working: z.int().min(0),
  num_requests_recieved: z.int().min(0),
  /** GiB since the last report; may be negative. */
  additional_disk_usage: z.number(),
  working_request_idxs: z.array(z.int()),
  url: z.string(),
});
export type WorkerStatus = z.output<typeof workerStatusSchema>;

/**
 * What a control plane accepts: the form above, the form of 2024 (no `mtoken`, no `version`, loads as rates), and the five
 * fields of the vendor's start script when it fails: `id` (0 when unset), `mtoken`, `version`, `error_msg`, `url`.
 */
export const receivedStatusSchema = z.looseObject({
  id: z.int(),
  mtoken: z.string().optional(),
  version: z.string().optional(),
  loadtime: z.number().optional(),
  cur_load: z.number().optional(),
  rej_load: z.number().optional(),
  new_load: z.number().optional(),
  error_msg: z.string().optional(),
  max_perf: z.number().optional(),
  cur_perf: z.number().optional(),
  cur_capacity: z.number().optional(),
  max_capacity: z.number().optional(),
  num_requests_working: z.number().optional(),
  num_requests_recieved: z.number().optional(),
  additional_disk_usage: z.number().optional(),
  working_request_idxs: z.array(z.int()).optional(),
  url: z.string().optional(),
});
export type ReceivedStatus = z.output<typeof receivedStatusSchema>;
