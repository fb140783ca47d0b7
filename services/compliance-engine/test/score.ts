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
