import type { CallModel } from '@bluefly/vast-worker';

/** What the model server says about itself: `GET /info` of text-embeddings-inference. */
export interface ModelInfo {
  /** Its own words, whole: other words, another model. undefined: it does not say. */
  identity: string | undefined;
  /** Items of one request. */
  batchLimit: number;
}

/** TEI's default, for a server that does not say. */
const defaultBatchLimit = 32;

export async function askModelInfo(callModel: CallModel): Promise<ModelInfo> {
  const answer = await callModel('/info', { method: 'GET' });
  const text = await answer.text();
  if (!answer.ok) return { identity: undefined, batchLimit: defaultBatchLimit };
  const { max_client_batch_size: limit } = JSON.parse(text) as { max_client_batch_size?: unknown };
  return { identity: text, batchLimit: typeof limit === 'number' && limit > 0 ? limit : defaultBatchLimit };
}
