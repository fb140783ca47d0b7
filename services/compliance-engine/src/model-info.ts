import type { CallModel } from '@bluefly/vast-worker';
import { z } from 'zod';

/** What the model server says about itself, as far as this service has to know. */
export interface ModelInfo {
  /** As answers name it. */
  name: string;
  /** Texts that one call may bring. */
  maxClientBatchSize: number;
}

/** Source: `GET /info` of text-embeddings-inference; `served_model_name` since 1.9.0. */
const infoSchema = z.looseObject({
  model_id: z.string().optional(),
  served_model_name: z.string().optional(),
  max_client_batch_size: z.int().min(1).optional(),
});

/** text-embeddings-inference's default, for a server that does not say. */
const defaultBatchSize = 32;

export type AskModelInfo = (callModel: CallModel) => Promise<ModelInfo>;

/** Asks once; a server that did not answer well is asked again by the next request. */
export function createAskModelInfo(): AskModelInfo {
  let known: ModelInfo | undefined;
  return async (callModel) => {
    if (known) return known;
    const answer = await callModel('/info', { method: 'GET' });
    const info = infoSchema.safeParse(await answer.json().catch(() => undefined));
    if (!answer.ok || !info.success) return { name: 'unknown', maxClientBatchSize: defaultBatchSize };
    const { served_model_name, model_id, max_client_batch_size } = info.data;
    known = { name: served_model_name ?? model_id ?? 'unknown', maxClientBatchSize: max_client_batch_size ?? defaultBatchSize };
    return known;
  };
}
