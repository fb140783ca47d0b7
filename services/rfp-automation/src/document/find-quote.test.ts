import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findQuote } from './find-quote.ts';
import { fold, foldedWords } from './folding.ts';
import { anyDocument } from './testing.ts';

const find = (text: string, quote: string) => findQuote(fold(text), quote).map(({ start, end }) => text.slice(start, end));

describe('quotes', () => {
  it.each([
    ['The vendor shall act. It may not.', 'The vendor shall act.', 'The vendor shall act.'],
    ['The vendor\r\n   shall   act.', 'the vendor shall act.', 'The vendor\r\n   shall   act.'],
    [
      'The **vendor** _shall_ act “now” – today.',
      'The vendor shall act "now" - today.',
      'The **vendor** _shall_ act “now” – today'.concat('.'),
    ],
    ['a) deliver all reports; and', 'deliver all reports.', 'deliver all reports'],
    ['the of\u00adﬁce caf\u00e9 shall open', 'The office cafe\u0301 shall open', 'the of\u00adﬁce caf\u00e9 shall open'],
  ])('%j holds %j', (text, quote, found) => {
    expect(find(text, quote)).toEqual([found]);
  });

  it('finds every place', () => {
    expect(find('It shall work. So it shall work. It shall WORK.', 'it shall work')).toEqual([
      'It shall work',
      'it shall work',
      'It shall WORK',
    ]);
  });

  it('finds a place that overlaps the same words inside others', () => {
    expect(find('The city willThe city willThe city will', 'willThe city will')).toEqual(['willThe city will']);
  });

  it.each([
    ['The vendor shall act.', 'The vendor should act.'],
    ['The vendor shall act.', 'vendor shall The act'],
    ['The vendor shall act.', 'endor shall act'],
    ['The vendor shall act.', 'shall act'],
    ['The vendor shall act.', '...'],
    ['The vendor shall act.', ''],
    ['', 'The vendor shall act.'],
  ])('%j does not hold %j', (text, quote) => {
    expect(find(text, quote)).toEqual([]);
  });

  it('finds any run of words again, however its whitespace was changed, and what it finds says the same', () => {
    fc.assert(
      fc.property(anyDocument, fc.nat(), fc.nat(), fc.constantFrom(' ', '\n', '  \t'), (text, first, more, blank) => {
        const words = text.split(/\s+/).filter((word) => foldedWords(word).trim() !== '');
        fc.pre(words.length > 2);
        const start = first % words.length;
        const quote = words.slice(start, start + 3 + (more % 10)).join(blank);
        fc.pre(fold(quote).text.trim().split(' ').length >= 3);
        const found = find(text, quote);
        for (const piece of found) expect(foldedWords(piece)).toBe(foldedWords(quote));
        const isWhole = text.split(/\s+/).join(' ').includes(quote.split(/\s+/).join(' '));
        if (isWhole) expect(found).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('never finds what is not there', () => {
    fc.assert(
      fc.property(anyDocument, anyDocument, (text, quote) => {
        for (const piece of find(text, quote)) expect(foldedWords(piece)).toBe(foldedWords(quote));
      }),
    );
  });
});
