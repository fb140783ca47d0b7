import type { HandlerConfig } from '@bluefly/vast-worker';
import { benchmarkPayloads } from './benchmark-payloads.ts';
import { generationWorkload } from './generation-workload.ts';
import { createRequirementsHandler } from './requirements-handler.ts';
import { relayToServedModel } from './served-model.ts';
import type { ServiceSettings } from './settings.ts';

/** The routes of rfp-automation: OpenAI's completions on vLLM, and requirements read from whole documents. */
export function createHandlers(settings: ServiceSettings): HandlerConfig[] {
  const workloadCalculator = generationWorkload(settings.workloadUnit);
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
    createRequirementsHandler(settings),
  ];
}
