import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  completionTokens,
  countDocuments,
  countInputs,
  countInputTokens,
  countRerankTokens,
  estimateTokens,
  maxTokensOr256,
  promptTokens,
} from './index.ts';

describe('inputs', () => {
  it.each([
    [{ input: 'one' }, 1],
    [{ input: ['a', 'b', 'c'] }, 3],
    [{ inputs: ['a', 'b'] }, 2],
    [{ input: [1, 2, 3] }, 1],
    [{ input: [[1, 2], [3]] }, 2],
    [{ inputs: ['a', [1, 2]] }, 2],
    [{ inputs: [['a'], ['b', 'c']] }, 2],
    [{ input: [] }, 0],
    [{ inputs: { source_sentence: 'a', sentences: ['b', 'c'] } }, 3],
  ])('%j → %d', (body, count) => {
    expect(countInputs(body)).toBe(count);
  });

  it('cannot say anything about another body', () => {
    for (const body of [{}, { input: 7 }, { inputs: null }, { inputs: {} }]) expect(countInputs(body)).toBeNaN();
  });

  it('counts token ids exactly, estimates texts, and stops where the model server truncates', () => {
    expect(countInputTokens({ input: [[1, 2, 3], [4]] })).toBe(4);
    expect(countInputTokens({ input: 'a'.repeat(400) })).toBe(100);
    expect(countInputTokens({ input: ['a'.repeat(400), 'abcd'] }, { maxInputTokens: 10 })).toBe(11);
  });
});

describe('completions', () => {
  it.each([
    [{}, 256],
    [{ max_tokens: 10 }, 10],
    [{ max_tokens: 0 }, 256],
  ])('max_tokens or 256: %j → %d', (body, tokens) => {
    expect(maxTokensOr256(body)).toBe(tokens);
  });

  it.each([
    [{}, 256],
    [{ max_tokens: 10, max_completion_tokens: 20 }, 20],
    [{ max_tokens: 10, n: 3 }, 30],
    [{ max_tokens: 10, n: 2, best_of: 4 }, 40],
    [{ max_tokens: 10, prompt: ['a', 'b'] }, 20],
    [{ max_tokens: 10, prompt: [1, 2, 3] }, 10],
    [{ max_tokens: 10, prompt: [[1], [2]], n: 2 }, 40],
    [{ max_tokens: 10, prompt: [] }, 10],
  ])('tokens to generate: %j → %d', (body, tokens) => {
    expect(completionTokens(body)).toBe(tokens);
  });

  it('reads prompts, messages and parts of messages', () => {
    const text = 'a'.repeat(40);
    expect(promptTokens({ prompt: text })).toBe(10);
    expect(promptTokens({ prompt: [text, [1, 2]] })).toBe(12);
    expect(promptTokens({ messages: [{ content: text }, { content: [{ type: 'text', text }, { type: 'image_url' }] }, null] })).toBe(20);
    expect(promptTokens({})).toBeNaN();
  });
});

describe('documents', () => {
  it('counts either dialect', () => {
    expect(countDocuments({ documents: ['a', 'b'] })).toBe(2);
    expect(countDocuments({ texts: [] })).toBe(0);
    expect(countDocuments({ documents: 'a' })).toBeNaN();
  });

  it('counts the query once per document', () => {
    const [query, document] = ['q'.repeat(40), 'd'.repeat(80)];
    expect(countRerankTokens({ query, texts: [document, document] })).toBe(2 * (10 + 20));
    expect(countRerankTokens({ query, documents: [{ text: document }] })).toBe(30);
    expect(countRerankTokens({ query, texts: [document] }, { maxInputTokens: 12 })).toBe(12);
  });
});

describe('estimated tokens', () => {
  it.each([
    ['', 0],
    ['a', 1],
    ['four chars each', 4],
    ['日本語', 3],
    ['Привет', 3],
  ])('%j → %d', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });

  it('says nearly the same of a long text by samples as of its parts', () => {
    const text = 'The quick brown fox. Быстрая лиса. '.repeat(1000);
    const inFull = Array.from({ length: text.length / 1000 }, (_, index) =>
      estimateTokens(text.slice(index * 1000, (index + 1) * 1000)),
    ).reduce((a, b) => a + b);
    expect(Math.abs(estimateTokens(text) - inFull) / inFull).toBeLessThan(0.02);
  });
});

describe('every measure', () => {
  const measures = { countInputs, countInputTokens, maxTokensOr256, completionTokens, promptTokens, countDocuments, countRerankTokens };
  const keys = fc.constantFrom('input', 'inputs', 'prompt', 'messages', 'documents', 'texts', 'query', 'max_tokens', 'n', 'best_of');

  it('gives a number and never throws, whatever the body; not negative unless the body is', () => {
    fc.assert(
      fc.property(fc.dictionary(keys, fc.anything()), (body) => {
        for (const measure of Object.values(measures)) {
          const value = measure(body);
          expect(typeof value).toBe('number');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never gets smaller when an item is added', () => {
    const item = fc.oneof(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(), { minLength: 1 }));
    fc.assert(
      fc.property(fc.array(item, { minLength: 1 }), item, (items, more) => {
        expect(countInputs({ input: [...items, more] })).toBe(items.length + 1);
        expect(countInputTokens({ input: [...items, more] })).toBeGreaterThanOrEqual(countInputTokens({ input: items }));
        expect(countDocuments({ texts: [...items, more] })).toBe(items.length + 1);
      }),
    );
  });

  it('is finite for the bodies that the APIs accept', () => {
    const input = fc.oneof(fc.string(), fc.array(fc.string()), fc.array(fc.array(fc.nat())));
    fc.assert(
      fc.property(input, fc.array(fc.string()), fc.string(), fc.nat(), (inputs, texts, query, maxTokens) => {
        for (const value of [
          countInputs({ inputs }),
          countInputTokens({ input: inputs }),
          countDocuments({ texts }),
          countRerankTokens({ query, texts }),
          completionTokens({ max_tokens: maxTokens }),
        ]) {
          expect(Number.isFinite(value) && value >= 0).toBe(true);
        }
      }),
    );
  });
});
