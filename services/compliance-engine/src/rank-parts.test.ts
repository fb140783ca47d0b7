import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitTexts } from './rank-parts.ts';

const sizes = (texts: string[], limits: { maxTexts: number; maxBytes: number }, query = '') =>
  splitTexts(query, texts, limits).map((part) => part.texts.length);

describe('parts', () => {
  it('hold as many texts as one call may bring', () => {
    expect(sizes(Array(70).fill('a'), { maxTexts: 32, maxBytes: 1_000 })).toEqual([32, 32, 6]);
  });

  it('hold as many bytes as one call may bring, in JSON', () => {
    // "aaaa" and a comma are 7 bytes; "\n" written out is 2 more than its unit
    expect(sizes(Array(5).fill('aaaa'), { maxTexts: 32, maxBytes: 16 })).toEqual([2, 2, 1]);
    expect(sizes(Array(4).fill('\n\n\n'), { maxTexts: 32, maxBytes: 16 })).toEqual([1, 1, 1, 1]);
    expect(sizes(Array(5).fill('aaaa'), { maxTexts: 32, maxBytes: 21 }, 'qqq')).toEqual([2, 2, 1]); // the query is in each call
  });

  it('hold a text that is too long alone: the model server has a word for it', () => {
    expect(sizes(['a', 'b'.repeat(100), 'c'], { maxTexts: 32, maxBytes: 20 })).toEqual([1, 1, 1]);
  });

  it('are the whole list in order, whatever the limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' })),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 60 }),
        (texts, maxTexts, maxBytes) => {
          const parts = splitTexts('q', texts, { maxTexts, maxBytes });
          expect(parts.flatMap((part) => part.texts)).toEqual(texts);
          for (const part of parts) {
            expect(part.texts).toEqual(texts.slice(part.start, part.start + part.texts.length));
            expect(part.texts.length).toBeGreaterThan(0);
            expect(part.texts.length).toBeLessThanOrEqual(maxTexts);
            const bytes = Buffer.byteLength(JSON.stringify('q') + JSON.stringify(part.texts).slice(1));
            if (part.texts.length > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
          }
        },
      ),
    );
  });
});
