import type { HandlerConfig } from '@bluefly/vast-worker';
import { benchmarkPayloads } from './benchmark-payloads.ts';
import { generationWorkload } from './generation-workload.ts';
import { relayToServedModel } from './served-model.ts';
import type { ServiceSettings } from './settings.ts';

/** The routes of rfp-automation: OpenAI's completions on vLLM, and requirements read from whole documents. */
export function createHandlers({ workloadUnit }: ServiceSettings): HandlerConfig[] {
  const workloadCalculator = generationWorkload(workloadUnit);
  return [
    {
      route: '/v1/completions',
      workloadCalculator,
      allowParallelRequests: true,
      maxQueueTime: 60, // seconds
      benchmarkConfig: { dataset: benchmarkPayloads },
      respond: relayToServedModel('/v1/completions'),
    },
    {
      route: '/v1/chat/completions',
      workloadCalculator,
      allowParallelRequests: true,
      maxQueueTime: 60, // seconds
      respond: relayToServedModel('/v1/chat/completions'),
    },
  ];
}
