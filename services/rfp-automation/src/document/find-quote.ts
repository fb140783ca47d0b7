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
  let start = text.indexOf(wanted);
  while (start !== -1) {
    const end = start + wanted.length;
    const isPlace = !isInsideWord(text, start) && !isInsideWord(text, end);
    if (isPlace) places.push({ start, end });
    start = text.indexOf(wanted, isPlace ? end : start + 1); // what begins in the middle of a word may overlap a place
  }
  return places;
}

/** Letters or digits on both sides. */
const isInsideWord = (text: string, at: number) => isWord(text.charAt(at - 1)) && isWord(text.charAt(at));
const isWord = (unit: string) => /[\p{L}\p{N}]/u.test(unit);
