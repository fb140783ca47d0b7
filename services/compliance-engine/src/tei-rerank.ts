import { defineHandler, type HandlerConfig, type RespondInput } from '@bluefly/vast-worker';
import { z } from 'zod';
import { benchmarkPayloads } from './benchmark-payloads.ts';
import type { AskModelInfo } from './model-info.ts';
import { refusalAsItIs } from './model-refusal.ts';
import { figureHeaders, maxPartBytes, type RankedText, rankParts, splitTexts } from './rank-parts.ts';
import { asText, listOf } from './text-list.ts';
import { rerankWorkload, type WorkloadUnit } from './workload.ts';

/** `/rerank` as text-embeddings-inference speaks it. What fits passes through untouched; what does not is split and merged. */

/** What has to be known to split; every other field is the model server's to judge. */
const teiRequest = z.looseObject({
  query: z.string({ error: 'expected a text' }),
  texts: listOf({
    expected: 'a list of texts (bodies with `documents` go to /v1/rerank)',
    expectedItem: 'a text',
    read: asText,
  }),
});
type TeiRequest = z.output<typeof teiRequest>;

export function teiRerankHandler(unit: WorkloadUnit, askModelInfo: AskModelInfo): HandlerConfig {
  return defineHandler({
    route: '/rerank',
    payload: teiRequest,
    workloadCalculator: rerankWorkload(unit),
    allowParallelRequests: true,
    maxQueueTime: 60, // seconds
    benchmarkConfig: { dataset: benchmarkPayloads },
    respond: (input) => respond(input, askModelInfo),
  });
}

async function respond(
  { payload: { query, texts, ...fields }, callModel }: RespondInput<TeiRequest>,
  askModelInfo: AskModelInfo,
): Promise<Response | undefined> {
  if (texts.length < 2) return undefined;
  const { maxClientBatchSize } = await askModelInfo(callModel);
  const parts = splitTexts(query, texts, { maxTexts: maxClientBatchSize, maxBytes: maxPartBytes });
  if (parts.length === 1) return undefined;
  return refusalAsItIs(async () => {
    const whole = await rankParts(parts, fields, callModel);
    return Response.json(merged(whole.ranked), { headers: figureHeaders(whole) });
  });
}

/** Best first; of equal scores the higher index, as text-embeddings-inference orders them. */
const merged = (ranked: readonly RankedText[][]): RankedText[] =>
  ranked.flat().sort((left, right) => right.score - left.score || right.index - left.index);
