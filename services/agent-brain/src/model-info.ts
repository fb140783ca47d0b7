import type { CallModel } from '@bluefly/vast-worker';

/** What the model server says about itself: `GET /info` of text-embeddings-inference. */

/** TEI's default, for a server that does not say. */
const defaultBatchLimit = 32;

/** Items of one request. */
export async function askBatchLimit(callModel: CallModel): Promise<number> {
  const answer = await callModel('/info', { method: 'GET' });
  return answer.ok ? batchLimitOf((await answer.json()) as Record<string, unknown>) : defaultBatchLimit;
}

export function batchLimitOf({ max_client_batch_size: limit }: Readonly<Record<string, unknown>>): number {
  return typeof limit === 'number' && limit > 0 ? limit : defaultBatchLimit;
}
