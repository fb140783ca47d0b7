import type { HandlerConfig, RespondInput } from '@bluefly/vast-worker';
import { benchmarkPayloads } from './benchmark-payloads.ts';
import { respondFromCache } from './cached-embeddings.ts';
import { type Dialect, openAiDialect, teiDialect } from './dialects.ts';
import type { EmbeddingCache } from './embedding-cache.ts';
import { embeddingWorkload, type WorkloadUnit } from './embedding-workload.ts';
import { askBatchLimit } from './model-info.ts';
import { callInParts } from './split-batch.ts';

export interface HandlerSettings {
  workloadUnit: WorkloadUnit;
  /** The model whose tokenizer counts; undefined: most models' of today. */
  model?: string | undefined;
  /** undefined: every item is computed. */
  cache?: EmbeddingCache | undefined;
}

/** The routes of agent-brain: OpenAI's embeddings and TEI's own, both on text-embeddings-inference. */
export function createHandlers({ workloadUnit, model, cache }: HandlerSettings): HandlerConfig[] {
  const batchLimit = createBatchLimit();
  const workloadCalculator = embeddingWorkload(workloadUnit, model);
  const respond = (dialect: Dialect) => async (input: RespondInput) =>
    (cache && (await respondFromCache(cache, dialect, input))) ?? respondInParts(dialect, input, batchLimit);
  return [
    {
      route: openAiDialect.path,
      workloadCalculator,
      allowParallelRequests: true,
      maxQueueTime: 60, // seconds
      benchmarkConfig: { dataset: benchmarkPayloads },
      respond: respond(openAiDialect),
    },
    {
      route: teiDialect.path,
      workloadCalculator,
      allowParallelRequests: true,
      maxQueueTime: 60, // seconds
      respond: respond(teiDialect),
    },
  ];
}

/** Passes on what fits, untouched; splits what does not. */
async function respondInParts(
  dialect: Dialect,
  { payload, callModel }: RespondInput,
  batchLimit: BatchLimit,
): Promise<Response | undefined> {
  const items = payload[dialect.itemsField];
  if (!isBatch(items) || items.length === 1) return undefined;
  const limit = await batchLimit(callModel);
  return items.length <= limit ? undefined : callInParts(dialect, payload, items, limit, callModel);
}

/** A list of texts or of token lists; a flat list of numbers is one input, given as token ids. */
const isBatch = (items: unknown): items is unknown[] => Array.isArray(items) && typeof items[0] !== 'number';

type BatchLimit = (callModel: RespondInput['callModel']) => Promise<number>;

/** The model server's `max_client_batch_size`, asked once, when the first batch comes. */
function createBatchLimit(): BatchLimit {
  let known: number | undefined;
  return async (callModel) => {
    known ??= await askBatchLimit(callModel);
    return known;
  };
}
