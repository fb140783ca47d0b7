import type { Span } from './span.ts';

/**
 * A text as a reader hears it: small letters, plain quotes and dashes, one blank for any whitespace, without marks of Markdown and without
 * ligatures; and where each unit of it comes from. Two texts that fold alike say the same words.
 */
export interface Folded {
  text: string;
  /** The range of the original that the units `[start, end)` of `text` come from. */
  origin(range: Span): Span;
}

export function fold(original: string): Folded {
  const pieces: string[] = []; // joined at the end: a text that is looked at while it grows is copied each time
  const starts: number[] = [];
  const ends: number[] = [];
  let last = ' ';
  let at = 0;
  for (const character of original) {
    const end = at + character.length;
    const units = foldCharacter(character);
    if (units !== '' && (units !== ' ' || last !== ' ')) {
      pieces.push(units);
      for (let unit = 0; unit < units.length; unit += 1) {
        starts.push(at);
        ends.push(end);
      }
      last = units.charAt(units.length - 1);
    }
    at = end;
  }
  return { text: pieces.join(''), origin: ({ start, end }) => ({ start: starts[start] ?? original.length, end: ends[end - 1] ?? 0 }) };
}

/** For comparing: folded, without blanks and marks at both ends. */
export const foldedWords = (text: string): string => fold(text).text.replace(/^[\s.,;:]+|[\s.,;:]+$/g, '');

function foldCharacter(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x80) return asciiFolds[code] as string;
  const known = folds.get(character);
  if (known !== undefined) return known;
  if (/[\s\p{Zs}]/u.test(character)) return ' ';
  if (/[\p{Cf}]/u.test(character)) return ''; // soft hyphens, joiners, byte order marks
  return character.normalize('NFKD').toLowerCase();
}

/** Marks of Markdown fold to nothing. */
const asciiFolds = Array.from({ length: 0x80 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/\s/.test(character)) return ' ';
  return /[*_`\\]/.test(character) ? '' : character.toLowerCase();
});

const folds = new Map<string, string>([
  ...[...'‘’‚‛′'].map((quote) => [quote, "'"] as const),
  ...[...'“”„‟«»″'].map((quote) => [quote, '"'] as const),
  ...[...'‐‑‒–—―−'].map((dash) => [dash, '-'] as const),
]);
