import { readFileSync } from 'node:fs';
import { overlapOf, type Span } from '../src/document/span.ts';
import type { Category, Obligation, Requirement } from '../src/requirement.ts';

/** How well a reading agrees with what a person marked in a document. */

export interface Expected extends Span {
  obligation: Obligation;
  category: Category;
  text: string;
}

/** A document of `fixtures/` and every place in it that a person marked, in order. */
export function readFixture(name: string): { document: string; expected: Expected[] } {
  const read = (file: string) => readFileSync(new URL(`../fixtures/${file}`, import.meta.url), 'utf8');
  const document = read(name);
  const marked = JSON.parse(read(name.replace(/\.\w+$/, '.requirements.json'))) as Omit<Expected, 'start' | 'end'>[];
  let from = 0;
  const expected = marked.map((mark) => {
    const start = document.indexOf(mark.text, from);
    if (start === -1) throw new Error(`${name} does not hold, behind ${from}: ${mark.text}`);
    from = start + mark.text.length;
    return { ...mark, start, end: from };
  });
  return { document, expected };
}

export interface Score {
  expected: number;
  found: number;
  /** Share of what was found that was marked. */
  precision: number;
  /** Share of what was marked that was found. */
  recall: number;
  /** Shares of what was found and marked in which both agree. */
  sameObligation: number;
  sameCategory: number;
  missed: string[];
  invented: string[];
  otherObligation: string[];
}

/** Every occurrence counts. A place is found when nine tenths of both ranges are common to them. */
export function scoreOf(expected: readonly Expected[], requirements: readonly Requirement[]): Score {
  const found = requirements.flatMap(({ occurrences, obligation, category, text }) =>
    occurrences.map((place) => ({ ...place, obligation, category, text })),
  );
  const free = new Set(found);
  const pairs = expected.flatMap((mark) => {
    const match = [...free].find((place) => overlapOf(mark, place) >= 0.9 * Math.max(mark.end - mark.start, place.end - place.start));
    if (!match) return [];
    free.delete(match);
    return [{ mark, match }];
  });
  const matched = new Set(pairs.map(({ mark }) => mark));
  return {
    expected: expected.length,
    found: found.length,
    precision: pairs.length / found.length,
    recall: pairs.length / expected.length,
    sameObligation: pairs.filter(({ mark, match }) => mark.obligation === match.obligation).length / pairs.length,
    sameCategory: pairs.filter(({ mark, match }) => mark.category === match.category).length / pairs.length,
    missed: expected.filter((mark) => !matched.has(mark)).map(({ text }) => text),
    invented: [...free].map(({ text }) => text),
    otherObligation: pairs
      .filter(({ mark, match }) => mark.obligation !== match.obligation)
      .map(({ match }) => `${match.obligation}: ${match.text}`),
  };
}
