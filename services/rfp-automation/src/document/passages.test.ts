import { estimateTokens } from '@bluefly/vast-workload';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOutline } from './outline.ts';
import { planPassages } from './passages.ts';
import { anyDocument } from './testing.ts';

const plan = (text: string, passageTokens: number, overlapTokens = 0) => planPassages(readOutline(text), { passageTokens, overlapTokens });
const texts = (text: string, passageTokens: number, overlapTokens = 0) =>
  plan(text, passageTokens, overlapTokens).map(({ start, end }) => text.slice(start, end));

const sentence = (number: number) => `Sentence number ${number} has forty-eight characters ok.`; // 12 to 13 tokens
const paragraph = (...numbers: number[]) => numbers.map(sentence).join(' ');

describe('passages', () => {
  it('leaves a short document whole', () => {
    const text = `# A\n\n${paragraph(1, 2)}\n\n# B\n\n${paragraph(3)}\n`;
    expect(texts(text, 1000, 50)).toEqual([text]);
  });

  it('cuts at headings first', () => {
    const text = `# A\n\n${paragraph(1, 2, 3)}\n\n# B\n\n${paragraph(4, 5, 6)}\n`;
    expect(texts(text, 60, 20)).toEqual([`# A\n\n${paragraph(1, 2, 3)}\n\n`, `# B\n\n${paragraph(4, 5, 6)}\n`]);
  });

  it('else between sentences, repeating the last one', () => {
    const text = paragraph(1, 2, 3, 4, 5);
    expect(texts(text, 36, 16)).toEqual([`${paragraph(1, 2, 3)} `, `${paragraph(3, 4, 5)}`]);
  });

  it('cuts what has no sentences between words, and what has no words anywhere but inside a character', () => {
    expect(texts('word '.repeat(100), 50).every((piece) => piece.endsWith(' '))).toBe(true);
    expect(texts('😀'.repeat(100), 50).every((piece) => piece.isWellFormed())).toBe(true);
  });

  it('covers the text, in order, within the limits', () => {
    fc.assert(
      fc.property(anyDocument, fc.integer({ min: 4, max: 60 }), fc.integer({ min: 0, max: 20 }), (text, passageTokens, overlapTokens) => {
        const passages = plan(text, passageTokens, overlapTokens);
        let covered = 0;
        for (const [index, { start, end, tokens }] of passages.entries()) {
          expect(start).toBeLessThanOrEqual(covered);
          expect(start).toBeGreaterThan(passages[index - 1]?.start ?? -1);
          expect(end).toBeGreaterThan(covered);
          expect(tokens).toBeLessThanOrEqual(Math.max(passageTokens, 2));
          expect(estimateTokens(text.slice(start, end))).toBeLessThanOrEqual(tokens);
          if (covered > start) expect(estimateTokens(text.slice(start, covered))).toBeLessThanOrEqual(overlapTokens);
          covered = end;
        }
        expect(covered).toBe(text.length);
      }),
    );
  });

  it('plans a document of two megabytes', () => {
    const text = `# Section\n\n${paragraph(1, 2, 3, 4)}\n\n`.repeat(9_000);
    const passages = plan(text, 1500, 150);
    expect(passages.at(-1)?.end).toBe(text.length);
    expect(passages.length).toBeLessThan(600);
  });
});
