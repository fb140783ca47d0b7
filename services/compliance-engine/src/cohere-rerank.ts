import { randomUUID } from 'node:crypto';
import { defineHandler, type HandlerConfig, type RespondInput } from '@bluefly/vast-worker';
import { z } from 'zod';
import type { AskModelInfo } from './model-info.ts';
import { refusalTranslated } from './model-refusal.ts';
import { figureHeaders, maxPartBytes, type RankedText, rankParts, splitTexts } from './rank-parts.ts';
import { listOf } from './text-list.ts';
import { rerankWorkload, type WorkloadUnit } from './workload.ts';

/** `/v1/rerank` and `/v2/rerank` as Cohere and Jina speak them, translated to the model server's `/rerank` and back. */

/** Fields of theirs that change scores in a way that text-embeddings-inference cannot: refused, not ignored. */
const cannotBeDone = ['rank_fields', 'max_tokens_per_doc', 'max_chunks_per_doc', 'max_doc_length', 'max_query_length'] as const;
const notHere = z.undefined({ error: 'expected nothing: this server cannot do it' });

const cohereRequest = z.looseObject({
  model: z.string({ error: 'expected a text' }).nullish(),
  query: z.string({ error: 'expected a text' }).min(1, { error: 'expected a text that is not empty' }),
  documents: listOf({
    expected: 'a list of documents (bodies with `texts` go to /rerank)',
    expectedItem: 'a text or { text }',
    read: asDocument,
  }).refine((documents) => documents.length > 0, { error: 'expected at least one document' }),
  top_n: z.int({ error: 'expected a whole number' }).min(0, { error: 'expected 0 (all) or more' }).nullish(),
  return_documents: z.boolean({ error: 'expected true or false' }).nullish(),
  ...(Object.fromEntries(cannotBeDone.map((name) => [name, notHere.optional()])) as Record<string, z.ZodOptional<typeof notHere>>),
});
type CohereRequest = z.output<typeof cohereRequest>;

function asDocument(item: unknown): string | undefined {
  if (typeof item === 'string') return item;
  const text = item !== null && typeof item === 'object' && 'text' in item ? item.text : undefined;
  return typeof text === 'string' ? text : undefined;
}

export function cohereRerankHandler(route: '/v1/rerank' | '/v2/rerank', unit: WorkloadUnit, askModelInfo: AskModelInfo): HandlerConfig {
  return defineHandler({
    route,
    payload: cohereRequest,
    workloadCalculator: rerankWorkload(unit),
    allowParallelRequests: true,
    maxQueueTime: 60, // seconds
    respond: (input) => refusalTranslated(() => respond(input, askModelInfo)),
  });
}

async function respond({ payload, callModel }: RespondInput<CohereRequest>, askModelInfo: AskModelInfo): Promise<Response> {
  const { name, maxClientBatchSize } = await askModelInfo(callModel);
  const parts = splitTexts(payload.query, payload.documents, { maxTexts: maxClientBatchSize, maxBytes: maxPartBytes });
  const whole = await rankParts(parts, { truncate: true, raw_scores: false, return_text: false }, callModel);
  return Response.json(
    {
      id: `rerank-${randomUUID()}`,
      model: name,
      results: results(whole.ranked.flat(), payload),
      ...(whole.tokens === undefined ? {} : { usage: { prompt_tokens: whole.tokens, total_tokens: whole.tokens } }),
    },
    { headers: figureHeaders(whole) },
  );
}

/** Best first; of equal scores the lower index. */
function results(ranked: readonly RankedText[], { documents, top_n, return_documents }: CohereRequest) {
  return ranked
    .toSorted((left, right) => right.score - left.score || left.index - right.index)
    .slice(0, top_n || ranked.length)
    .map(({ index, score }) => ({
      index,
      ...(return_documents ? { document: { text: documents[index] as string } } : {}),
      relevance_score: score,
    }));
}
