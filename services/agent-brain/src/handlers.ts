import type { HandlerConfig, RespondInput } from '@bluefly/vast-worker';
import { benchmarkPayloads } from './benchmark-payloads.ts';
import { embeddingWorkload, type WorkloadUnit } from './embedding-workload.ts';
import { type BatchDialect, callInParts } from './split-batch.ts';

/** The routes of agent-brain: OpenAI's embeddings and TEI's own, both on text-embeddings-inference. */
export function createHandlers(unit: WorkloadUnit, model?: string): HandlerConfig[] {
  const batchLimit = createBatchLimit();
  const workloadCalculator = embeddingWorkload(unit, model);
  const inParts = (dialect: BatchDialect) => (input: RespondInput) => respondInParts(dialect, input, batchLimit);
  return [
    {
      route: openAiDialect.path,
      workloadCalculator,
      allowParallelRequests: true,
      maxQueueTime: 60, // seconds
      benchmarkConfig: { dataset: benchmarkPayloads },
      respond: inParts(openAiDialect),
    },
    {
      route: teiDialect.path,
      workloadCalculator,
      allowParallelRequests: true,
      maxQueueTime: 60, // seconds
      respond: inParts(teiDialect),
    },
  ];
}

const openAiDialect: BatchDialect = {
  path: '/v1/embeddings',
  itemsField: 'input',
  merge(answers, starts) {
    const parts = answers as OpenAiAnswer[];
    return {
      ...parts[0],
      data: parts.flatMap((part, index) => part.data.map((item) => ({ ...item, index: item.index + (starts[index] as number) }))),
      usage: {
        prompt_tokens: parts.reduce((sum, { usage }) => sum + usage.prompt_tokens, 0),
        total_tokens: parts.reduce((sum, { usage }) => sum + usage.total_tokens, 0),
      },
    };
  },
};

interface OpenAiAnswer {
  data: { index: number }[];
  usage: { prompt_tokens: number; total_tokens: number };
}

const teiDialect: BatchDialect = { path: '/embed', itemsField: 'inputs', merge: (answers) => answers.flat() };

/** Passes on what fits, untouched; splits what does not. */
async function respondInParts(
  dialect: BatchDialect,
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

/** TEI's default, for a server that does not say. */
const defaultBatchLimit = 32;

type BatchLimit = (callModel: RespondInput['callModel']) => Promise<number>;

/** The model server's `max_client_batch_size`, asked once, when the first batch comes. */
function createBatchLimit(): BatchLimit {
  let known: number | undefined;
  return async (callModel) => {
    known ??= await askBatchLimit(callModel);
    return known;
  };
}

async function askBatchLimit(callModel: RespondInput['callModel']): Promise<number> {
  const answer = await callModel('/info', { method: 'GET' });
  if (!answer.ok) return defaultBatchLimit;
  const info = (await answer.json()) as { max_client_batch_size?: unknown };
  return typeof info.max_client_batch_size === 'number' && info.max_client_batch_size > 0 ? info.max_client_batch_size : defaultBatchLimit;
}
