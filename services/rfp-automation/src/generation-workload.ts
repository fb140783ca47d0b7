import { completionTokens, promptTokens } from '@bluefly/vast-workload';

/** What one generation costs. Every route of this worker counts in the same unit: the control plane knows one perf. */

export const workloadUnits = ['max_tokens', 'tokens'] as const;
export type WorkloadUnit = (typeof workloadUnits)[number];

/**
 * `max_tokens` (what users of Vast expect): `max_tokens || 256`, for every answer that is asked for. `tokens`: the estimated
 * tokens of the prompts as well, which follows the GPU's time when prompts are long. A prompt counts once, however many
 * answers it gets: vLLM computes it once.
 */
export const generationWorkload = (unit: WorkloadUnit): ((payload: Record<string, unknown>) => number) =>
  unit === 'max_tokens' ? (payload) => completionTokens(payload) : (payload) => promptTokens(payload) + completionTokens(payload);
