import { countDocuments, countRerankTokens } from '@bluefly/vast-workload';

/** What ranking costs. Every route of this worker counts in the same unit: the control plane knows one perf. */

export const workloadUnits = ['documents', 'tokens'] as const;
export type WorkloadUnit = (typeof workloadUnits)[number];

export const isWorkloadUnit = (text: string): text is WorkloadUnit => workloadUnits.includes(text as WorkloadUnit);

/**
 * `documents`: the number of texts ranked. `tokens`: an estimate of all pairs' tokens, the query once with each text,
 * which follows the GPU's time when lengths differ widely; see vast-workload for how it is made.
 */
export const rerankWorkload = (unit: WorkloadUnit): ((payload: unknown) => number) =>
  unit === 'documents' ? countDocuments : countRerankTokens;
