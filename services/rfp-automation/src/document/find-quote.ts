import { type Folded, fold } from './folding.ts';
import type { Span } from './span.ts';

/**
 * Where a quote stands in a passage. Whoever quotes may have changed line breaks, quotation marks, dashes, capitals and marks of Markdown,
 * and ended with a full stop what ends otherwise; the words and their order may not differ.
 */

/** Shorter quotes could stand anywhere. */
const fewestWords = 3;

/** All places of the quote, as ranges of the passage that `folded` was made of; none when it is not there. */
export function findQuote(folded: Folded, quote: string): Span[] {
  const wanted = fold(quote).text.trim();
  if (wanted.split(' ').length < fewestWords) return [];
  const places = placesOf(folded.text, wanted);
  const found = places.length > 0 ? places : placesOf(folded.text, wanted.replace(/[.;,:]+$/, ''));
  return found.map((place) => folded.origin(place));
}

function placesOf(text: string, wanted: string): Span[] {
  const places: Span[] = [];
  if (wanted === '') return places;
  for (let start = text.indexOf(wanted); start !== -1; start = text.indexOf(wanted, start + wanted.length)) {
    const end = start + wanted.length;
    if (!isInsideWord(text, start) && !isInsideWord(text, end)) places.push({ start, end });
  }
  return places;
}

/** Letters or digits on both sides. */
const isInsideWord = (text: string, at: number) => isWord(text.charAt(at - 1)) && isWord(text.charAt(at));
const isWord = (unit: string) => /[\p{L}\p{N}]/u.test(unit);
