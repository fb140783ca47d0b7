import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bm25 } from '../src/bm25.ts';
import { createLexicalEngine } from '../src/index.ts';
import { countTokens, cutText, tokenize } from '../src/lexical-tokenizer.ts';

const engine = createLexicalEngine(384);
const cosine = (left: string, right: string) => {
  const [a, b] = [engine.embed(left), engine.embed(right)];
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, index) => sum + value * (y[index] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

describe('lexical engine', () => {
  it.each([
    ['The cat sat on the mat.', 'A cat is sitting on a mat.', 'Stock prices fell on Monday.'],
    ['How do I reset my password?', 'Password reset instructions', 'The recipe needs two eggs.'],
    ['The contract ends in December.', 'When does the contract end?', 'Our office has moved to Lisbon.'],
    ['Encrypt backups at rest.', 'Backups must be encrypted.', 'Lunch is served at noon.'],
    ['The pump loses pressure above forty degrees.', 'Pressure loss of the pump at high temperature', 'She plays the violin.'],
    ['Audit logs are retained for a year.', 'Retention of audit logging', 'Rabbits eat carrots.'],
    ['Suppliers shall give notice of breaches.', 'A supplier notifies us of every breach.', 'The train was late again.'],
    ['Invoice 2231 has not been paid.', 'unpaid invoices', 'Mountains in winter'],
    ['running shoes for women', "women's shoe for runners", 'database migration'],
    ['GPU memory is exhausted', 'out of GPU memory', 'a letter to my aunt'],
  ])('finds %j nearer to %j than to %j', (anchor, related, unrelated) => {
    expect(cosine(anchor, related)).toBeGreaterThan(cosine(anchor, unrelated) + 0.2);
  });

  it('gives the same vector on every machine', () => {
    const bytes = Buffer.from(engine.embed('The quick brown fox — naïve café, 東京!').buffer);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(pinned);
  });

  it('never gives a vector without a direction, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const vector = engine.embed(text);
        expect(vector.every(Number.isFinite)).toBe(true);
        expect(vector.some((value) => value !== 0)).toBe(true);
      }),
    );
  });
});

const pinned = 'ea4db51c812a5d1da72a1bcacca554937d7ecd896fda0101905b13435f2fec16';

describe('tokens', () => {
  it('cover the text: offsets ascend, and cut out what the token says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const bytes = Buffer.from(text);
        let last = 0;
        for (const { start, stop } of tokenize(text, false)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(stop).toBeGreaterThan(start as number);
          last = stop as number;
        }
        expect(last).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('counts of tokens', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('a', '9', 'é', '東', 'ｶ', '𝐀', '𐐀', '\u{1F600}', '\u{20000}', ' ', '-', '\ud800', '\u0301') }),
  );

  it('are the number of tokens that tokenize gives, whatever the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(countTokens(text)).toBe(tokenize(text, true).length);
      }),
    );
  });

  it.each([
    ['long words outside the basic plane, eight characters a piece', '𝐀'.repeat(20), 5],
    ['ideographs outside the basic plane, one each', '\u{20000}\u{20001}', 4],
    ['ideographs that follow a word, one each', 'abc東京', 5],
    ['pictures', '\u{1F600}\u{1F600}', 4],
  ])('%s', (_, text, count) => {
    expect([countTokens(text), tokenize(text, true).length]).toEqual([count, count]);
  });

  it('are the limit after a text was cut to it, from either side', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 3, max: 12 }), fc.constantFrom('right' as const, 'left' as const), (text, limit, side) => {
        fc.pre(countTokens(text) > limit);
        expect(countTokens(cutText(text, limit, side))).toBe(limit);
      }),
    );
  });
});

describe('BM25', () => {
  it('is zero without a shared term, and higher for rarer terms and shorter documents', () => {
    const documents = [['cat', 'mat'], ['cat'], ['dog', 'cat', 'mat', 'mat'], ['fish']];
    const [both, short, , none] = bm25(['cat'], documents) as [number, number, number, number];
    expect(none).toBe(0);
    expect(short).toBeGreaterThan(both);
    const [rare, common] = bm25(['dog', 'cat'], [['dog'], ['cat'], ['cat'], ['cat']]) as [number, number];
    expect(rare).toBeGreaterThan(common);
  });
});
