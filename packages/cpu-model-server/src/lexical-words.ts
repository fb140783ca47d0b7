import { normalizeWord } from './lexical-tokenizer.ts';

/** Words as the lexical engines compare them. */

export interface Stem {
  stem: string;
  isCommon: boolean;
}

const commonWords = new Set(
  (
    'a about after all also am an and any are as at be because been before but by can could did do does for from had has have he her his how i if in into ' +
    'is it its just me more my no not of on or our out over she should so some than that the their them then there these they this to up us was we were what ' +
    'when where which who why will with would you your'
  ).split(' '),
);

export function stems(text: string): Stem[] {
  const words = normalizeWord(text).match(/\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => ({ stem: stemOf(word), isCommon: commonWords.has(word) }));
}

/** What a text is about: its stems without the common words. */
export const terms = (text: string): string[] =>
  stems(text)
    .filter(({ isCommon }) => !isCommon)
    .map(({ stem }) => stem);

const endings = [
  'ization',
  'ations',
  'ation',
  'ingly',
  'ments',
  'ment',
  'ness',
  'edly',
  'ings',
  'ing',
  'ies',
  'ied',
  'ers',
  'er',
  'ed',
  'es',
  'ly',
  's',
];

/** The longest common ending off, as long as three letters stay: close enough for words to meet. */
function stemOf(word: string): string {
  const ending = endings.find((one) => word.endsWith(one) && word.length - one.length >= 3 && !(one === 's' && word.endsWith('ss')));
  const stem = ending ? word.slice(0, -ending.length) : word;
  const single = /([^aeiouls])\1$/.test(stem) ? stem.slice(0, -1) : stem; // running → runn → run
  return single.length > 3 ? single.replace(/[ei]$/, '') : single;
}
