import { countInputs, countInputTokens, tokenizerFamilyOf } from '@bluefly/vast-workload';

/** What one embedding request costs. Every route of this worker counts in the same unit: the control plane knows one perf. */

export const workloadUnits = ['items', 'tokens'] as const;
export type WorkloadUnit = (typeof workloadUnits)[number];

export const isWorkloadUnit = (text: string): text is WorkloadUnit => workloadUnits.includes(text as WorkloadUnit);

/**
 * `items` (what users of Vast expect): the number of inputs. `tokens`: an estimate of their tokens, which follows the
 * GPU's time when lengths differ widely; see vast-workload for how it is made.
 *
 * @param model whose tokenizer counts; undefined: most models' of today
 */
export function embeddingWorkload(unit: WorkloadUnit, model: string | undefined): (payload: Record<string, unknown>) => number {
  if (unit === 'items') return countInputs;
  const family = tokenizerFamilyOf(model);
  return (payload) => countInputTokens(payload, { family });
}
