import { type Span, trimmed } from './span.ts';

/** Sentences of a piece of text, as ranges that ascend, and leave out nothing but the whitespace between them. */
export function sentencesIn(text: string, range: Span): Span[] {
  const sentences: Span[] = [];
  const whole = trimmed(text, range);
  const piece = text.slice(whole.start, whole.end); // so that no search runs on into the rest of the document
  let start = 0;
  for (const mark of piece.matchAll(endMarks)) {
    const next = mark.index + mark[0].length;
    if (!endsSentence(piece, mark.index, next, start)) continue;
    sentences.push({ start: whole.start + start, end: whole.start + next });
    start = trimmed(piece, { start: next, end: piece.length }).start;
  }
  if (start < piece.length) sentences.push({ start: whole.start + start, end: whole.end });
  return sentences;
}

/** One mark with what closes behind it. Not `+` marks: a long run of dots would be tried from each of them. */
const endMarks = /[.!?…]["'”’»)\]*_]*(?=\s)|[。！？]/g;

/** Whether the mark at `at` ends the sentence that began at `start`; `next` is behind the mark. */
function endsSentence(text: string, at: number, next: number, start: number): boolean {
  const rest = text.slice(next, next + 40);
  const following = rest.trimStart().replace(/^["'“‘([*_]+/, '');
  if (/^[\p{Ll},;]/u.test(following)) return false;
  if (text.charAt(at) !== '.') return true;
  const word = (/\S*$/.exec(text.slice(Math.max(start, at - 30), at))?.[0] ?? '').replace(/^["'“‘([*_]+/, '').toLowerCase();
  if (/^[ap]\.m$/.test(word)) return !zoneBehind.test(rest);
  if (/^\p{L}$/u.test(word))
    return /(?:form|appendix|annex|attachment|exhibit|schedule|section|part|class|type|level|option) \p{L}$/iu.test(text.slice(start, at));
  if (/^(\p{L}\.)+\p{L}$/u.test(word)) return false; // e.g., U.S
  if (namePrefixes.has(word)) return false;
  return !(numberPrefixes.has(word) && /^[\p{Lu}(]?\d/u.test(following));
}

/** `3 p.m. Central Time` is one sentence. */
const zoneBehind = /^\s+\(?([A-Z]{2,5}|[Ll]ocal|Eastern|Central|Mountain|Pacific|Greenwich)\b/;

/** Before names. */
const namePrefixes = new Set(['mr', 'mrs', 'ms', 'dr', 'prof', 'st', 'dept', 'vs', 'messrs']);
/** Before numbers. */
const numberPrefixes = new Set(
  'no nos sec art arts fig figs para paras ref pp vol approx max min jan feb mar apr jun jul aug sep sept oct nov dec'.split(' '),
);
