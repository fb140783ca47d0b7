import { countDocuments, countRerankTokens, estimateTokens } from '@bluefly/vast-workload';
import type { Scan } from './scan/scan-request.ts';

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

/** A scan is the rankings that it makes: every passage once for each requirement. */
export const scanWorkload = (unit: WorkloadUnit): ((scan: Scan) => number) => (unit === 'documents' ? countPairs : countPairTokens);

const countPairs = (scan: Scan) => scan.passages.length * requirementsOf(scan).length;

function countPairTokens(scan: Scan): number {
  const requirements = requirementsOf(scan);
  const requirementTokens = requirements.reduce((sum, { text }) => sum + estimateTokens(text), 0);
  const passageTokens = scan.passages.reduce(
    (sum, { source, start, end }) => sum + estimateTokens((scan.sources[source] as string).slice(start, end)),
    0,
  );
  return scan.passages.length * requirementTokens + requirements.length * passageTokens;
}

const requirementsOf = ({ controls }: Scan) => controls.flatMap(({ requirements }) => requirements);
