/** What a look at this machine found. Status words, in order of gravity; `wrong` keeps a worker from working. */
export const findingStatuses = ['ok', 'warning', 'wrong'] as const;
export type FindingStatus = (typeof findingStatuses)[number];

export interface Finding {
  /** Which check: one word or two. */
  check: string;
  status: FindingStatus;
  found: string;
  /** What to do about it; absent when there is nothing to do. */
  todo?: string;
}

export function worstOf(findings: readonly Finding[]): FindingStatus {
  return findingStatuses.findLast((status) => findings.some((finding) => finding.status === status)) ?? 'ok';
}
