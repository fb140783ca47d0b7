import type { HandlerConfig } from '@bluefly/vast-worker';
import { cohereRerankHandler } from './cohere-rerank.ts';
import { createAskModelInfo } from './model-info.ts';
import { scanHandler } from './scan/scan.ts';
import { teiRerankHandler } from './tei-rerank.ts';
import type { WorkloadUnit } from './workload.ts';

/** The routes of compliance-engine, all on text-embeddings-inference with a reranker. */
export function createHandlers(unit: WorkloadUnit): HandlerConfig[] {
  const askModelInfo = createAskModelInfo();
  return [
    teiRerankHandler(unit, askModelInfo),
    cohereRerankHandler('/v1/rerank', unit, askModelInfo),
    cohereRerankHandler('/v2/rerank', unit, askModelInfo),
    scanHandler(unit, askModelInfo),
  ];
}
