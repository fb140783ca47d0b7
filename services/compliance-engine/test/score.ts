import { findSecrets } from '../src/secrets/find-secrets.ts';
import { lookAlikes, plantedSecrets } from './secret-corpus.ts';
import { secretForms } from './secret-forms.ts';

/** How well secrets are found, on the generated corpus: a figure of the README. */
export function scoreOfSecrets(): {
  planted: number;
  found: number;
  lookAlikes: number;
  mistaken: number;
  precision: number;
  recall: number;
} {
  const planted = plantedSecrets(140);
  const alikes = lookAlikes(100);
  const found = planted.filter(({ text, start, end }) => findSecrets(text).some((one) => one.start <= start && one.end >= end)).length;
  const beside = planted.reduce(
    (sum, { text, start, end }) => sum + findSecrets(text).filter((one) => one.end <= start || one.start >= end).length,
    0,
  );
  const mistaken = beside + alikes.reduce((sum, { text }) => sum + findSecrets(text).length, 0);
  return {
    planted: planted.length,
    found,
    lookAlikes: alikes.length,
    mistaken,
    precision: found / (found + mistaken),
    recall: found / planted.length,
  };
}

/** How many of the forms of secrets are found whole. */
export const recallOfForms = () =>
  secretForms.filter(({ text, start, end }) => findSecrets(text).some((one) => one.start <= start && one.end >= end)).length /
  secretForms.length;

interface ScanAnswer {
  controls: { evidence: { start: number; end: number; requirements: { id: string }[] }[]; gaps: { requirement: string }[] }[];
}

export interface ScanScore {
  evidence: Shares;
  gaps: Shares;
}

interface Shares {
  marked: number;
  /** Share of what was found that was marked. */
  precision: number;
  /** Share of what was marked that was found. */
  recall: number;
}

/** How well a scan of `text` agrees with what a person marked in it: words that the right passage has, by requirement. */
export function scoreOfScan(
  answer: ScanAnswer,
  text: string,
  marked: { evidence: Record<string, string>; gaps: readonly string[] },
): ScanScore {
  const supports = answer.controls.flatMap(({ evidence }) =>
    evidence.flatMap(({ start, end, requirements }) => requirements.map(({ id }) => ({ id, words: text.slice(start, end) }))),
  );
  const right = supports.filter(({ id, words }) => Object.hasOwn(marked.evidence, id) && words.includes(marked.evidence[id] as string));
  const gaps = answer.controls.flatMap((control) => control.gaps.map(({ requirement }) => requirement));
  const rightGaps = gaps.filter((gap) => marked.gaps.includes(gap));
  const markedEvidence = Object.keys(marked.evidence).length;
  return {
    evidence: {
      marked: markedEvidence,
      precision: right.length / supports.length,
      recall: new Set(right.map(({ id }) => id)).size / markedEvidence,
    },
    gaps: { marked: marked.gaps.length, precision: rightGaps.length / gaps.length, recall: rightGaps.length / marked.gaps.length },
  };
}
