import { estimateTokens } from '@bluefly/vast-workload';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPassages } from './split-passages.ts';

const pieces = (text: string) => splitPassages(text).map(({ start, end }) => text.slice(start, end));
const paragraph =
  'Access is granted by the owner of the system, for at most a year, and taken away on the day on which the reason for it ends.';

describe('passages', () => {
  it('are paragraphs, a heading with the one that follows it', () => {
    const text = `4 Access\n\n4.1 Granting\n\n${paragraph}\n\n\n${paragraph}\r\n \r\nThe end.`;
    expect(pieces(text)).toEqual([`4 Access\n\n4.1 Granting\n\n${paragraph}`, paragraph, 'The end.']);
  });

  it('are cut where a sentence ends when a paragraph is long', () => {
    const sentence = 'Logs are kept for thirteen months. ';
    const cut = pieces(sentence.repeat(100));
    expect(cut).toHaveLength(4);
    for (const one of cut) expect(one).toMatch(/^Logs .* months\.$/s);
  });

  it('are cut at a blank where no sentence ends, and anywhere where there is no blank', () => {
    expect(pieces('word '.repeat(300)).map((one) => one.length)).toEqual([999, 499]);
    expect(pieces('x'.repeat(2_500)).map((one) => one.length)).toEqual([1_000, 1_000, 500]);
  });

  it('are shorter where a character is a token', () => {
    expect(pieces('東'.repeat(600)).map((one) => one.length)).toEqual([250, 250, 100]);
  });

  it('of no text are none', () => {
    expect([pieces(''), pieces(' \n\n\t\n')]).toEqual([[], []]);
  });

  it('cover every character that is no blank, in order and once, and none is too long or begins with half a character', () => {
    const anyText = fc
      .array(
        fc.oneof(
          fc.constantFrom('\n\n', '\n', ' ', '. ', '😀'.repeat(400), '東'.repeat(300), paragraph, 'x'.repeat(1_100)),
          fc.string({ unit: 'binary' }),
        ),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(anyText, (text) => {
        let last = 0;
        for (const { start, end } of splitPassages(text)) {
          expect(text.slice(last, start).trim()).toBe('');
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(1_000);
          expect(estimateTokens(text.slice(start, end))).toBeLessThanOrEqual(256);
          last = end;
        }
        expect(text.slice(last).trim()).toBe('');
        if (text.isWellFormed()) for (const one of pieces(text)) expect(one.isWellFormed()).toBe(true);
      }),
    );
  });
});
