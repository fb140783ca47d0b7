import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { countInputTokens, countRerankTokens, promptTokens } from './index.ts';
import { estimateTokens, type TokenizerFamily, tokenizerFamilyOf } from './tokens.ts';

/** Texts that the weights were not fitted to, and what real tokenizers count in them. */
const folder = new URL('../fixtures/held-out/', import.meta.url);
const counted = JSON.parse(readFileSync(new URL('../fixtures/held-out.json', import.meta.url), 'utf8')) as Record<
  string,
  Record<TokenizerFamily, number>
>;
const texts = readdirSync(folder).map((file) => [file.replace('.txt', ''), readFileSync(new URL(file, folder), 'utf8')] as const);
const families: TokenizerFamily[] = ['o200k', 'cl100k', 'wordpiece'];

describe('estimated tokens', () => {
  it.each(texts)('are within 15 % of the real ones: %s', (name, text) => {
    for (const family of families) {
      const real = counted[name]?.[family] as number;
      const error = Math.abs(estimateTokens(text, family) - real) / real;
      expect({ family, isNear: error <= 0.15, error }).toMatchObject({ isNear: true });
    }
  });

  it('are the same, however the text is stored', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.constantFrom(...families), (text, family) => {
        const inTwoBytes = `\u65e5${text}`.slice(1);
        const inPieces = text.slice(0, 20) + text.slice(20);
        expect([estimateTokens(inTwoBytes, family), estimateTokens(inPieces, family)]).toEqual(
          Array.from({ length: 2 }, () => estimateTokens(text, family)),
        );
      }),
    );
  });

  it('are held against what the real tokenizers count today', () => {
    for (const [name, text] of texts) {
      expect([name, o200k(text), cl100k(text)]).toEqual([name, counted[name]?.o200k, counted[name]?.cl100k]);
    }
  });

  it('are as good in samples as in full, where a text is of one kind', () => {
    for (const [, text] of texts) {
      const long = text.repeat(40);
      const inFull = estimateTokens(text.slice(0, 2048)) / Math.min(text.length, 2048);
      expect(Math.abs(estimateTokens(long) / long.length / inFull - 1)).toBeLessThan(0.2);
    }
  });

  it('are whole numbers, at least 1 for a text that is not empty, and never fewer for more text', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 400 });
    fc.assert(
      fc.property(anyText, anyText, fc.constantFrom(...families), (start, more, family) => {
        const tokens = estimateTokens(start, family);
        expect(Number.isInteger(tokens)).toBe(true);
        expect(tokens).toBeGreaterThanOrEqual(start === '' ? 0 : 1);
        expect(estimateTokens(start + more, family)).toBeGreaterThanOrEqual(tokens);
      }),
    );
  });

  it('follow the family in every measure of tokens', () => {
    const text = 'Wärmedämmverbundsysteme für Gebäudehüllen';
    const [few, many] = [estimateTokens(text, 'o200k'), estimateTokens(text, 'wordpiece')];
    expect(many).toBeGreaterThan(few);
    for (const measure of [
      (family: TokenizerFamily) => countInputTokens({ input: [text] }, { family }),
      (family: TokenizerFamily) => countRerankTokens({ query: '', texts: [text] }, { family }),
      (family: TokenizerFamily) => promptTokens({ messages: [{ content: [{ text }] }] }, { family }),
      (family: TokenizerFamily) => promptTokens({ prompt: [text] }, { family }),
    ]) {
      expect([measure('o200k'), measure('wordpiece')]).toEqual([few, many]);
    }
  });
});

describe('the family of a model', () => {
  it.each([
    ['BAAI/bge-base-en-v1.5', 'wordpiece'],
    ['sentence-transformers/all-MiniLM-L6-v2', 'wordpiece'],
    ['BAAI/bge-m3', 'o200k'],
    ['intfloat/multilingual-e5-large', 'o200k'],
    ['meta-llama/Llama-3.1-8B-Instruct', 'cl100k'],
    ['Qwen/Qwen3-Embedding-0.6B', 'cl100k'],
    ['openai/gpt-oss-20b', 'o200k'],
    ['something/new', 'o200k'],
    [undefined, 'o200k'],
  ])('of %s is %s', (model, family) => {
    expect(tokenizerFamilyOf(model)).toBe(family);
  });
});
