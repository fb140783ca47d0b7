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
    [{ input: '' }, 1],
    [{ input: [1, 'a', 'b'] }, 3], // refused by the model servers; a leading id must not hide the texts
    [{ input: 'a', inputs: ['b', 'c', 'd'] }, 3], // nor one spelling the other
    [{ inputs: { source_sentence: 'a', sentences: ['b', 'c'] } }, 3],
  ])('%j → %d', (body, count) => {
    expect(countInputs(body)).toBe(count);
  });

  it('cannot say anything about another body', () => {
    for (const body of [{}, { input: 7 }, { inputs: null }, { inputs: {} }, null, undefined, 'text', [], ['a']]) {
      expect(countInputs(body)).toBeNaN();
      expect(countInputTokens(body)).toBeNaN();
    }
  });

  it('counts token ids exactly, estimates texts, and stops where the model server truncates', () => {
    expect(countInputTokens({ input: [[1, 2, 3], [4]] })).toBe(4);
    expect(countInputTokens({ input: 'a'.repeat(400) })).toBe(estimateTokens('a'.repeat(400)));
    expect(countInputTokens({ input: ['a'.repeat(400), 'abcd'] }, { maxInputTokens: 10 })).toBe(11);
    expect(countInputTokens({ inputs: [['days'], ['days', 'thirty days']] })).toBe(1 + (1 + 2)); // a text and a pair
    expect(countInputTokens({ inputs: { source_sentence: 'days', sentences: ['thirty days'] } })).toBe(1 + 2);
  });
});

describe('completions', () => {
  it.each([
    [{}, 256],
    [{ max_tokens: 10 }, 10],
    [{ max_tokens: 0 }, 256],
    [{ max_tokens: null }, 256],
    [{ max_tokens: -5 }, Number.NaN],
    [{ max_tokens: '10' }, Number.NaN],
    [null, Number.NaN],
  ])('max_tokens or 256: %j → %d', (body, tokens) => {
    expect(maxTokensOr256(body)).toBe(tokens);
  });

  it.each([
    [{}, 256],
    [{ max_completion_tokens: 20, messages: [] }, 20],
    [{ max_tokens: 30, max_completion_tokens: 20, messages: [] }, 20], // chat: it wins
    [{ max_tokens: 10, messages: [] }, 10],
    [{ max_tokens: 10, max_completion_tokens: 20, prompt: 'a' }, 10], // completions: vLLM does not read it
    [{ max_completion_tokens: 20, prompt: 'a' }, 256],
    [{ max_tokens: 10, max_completion_tokens: 20 }, 20], // neither: the larger
    [{ max_completion_tokens: 20 }, 256],
    [{ max_tokens: 20, max_completion_tokens: 10, prompt: 'a', messages: [] }, 20], // both: the larger
    [{ max_tokens: 10, n: 3 }, 30],
    [{ max_tokens: 10, n: 2, best_of: 4 }, 40],
    [{ max_tokens: 10, prompt: ['a', 'b'] }, 20],
    [{ max_tokens: 10, prompt: [1, 2, 3] }, 10],
    [{ max_tokens: 10, prompt: [[1], [2]], n: 2 }, 40],
    [{ max_tokens: 10, prompt: [] }, 10],
    [{ max_tokens: -10, n: 0 }, 256],
    [{ max_tokens: 10, n: 0.5, best_of: 0.5 }, 10],
    [{ max_tokens: 1e300, n: 1e300 }, Number.MAX_SAFE_INTEGER],
    [[], Number.NaN],
  ])('tokens to generate: %j → %d', (body, tokens) => {
    expect(completionTokens(body)).toBe(tokens);
  });

  it('reads prompts, messages and parts of messages', () => {
    const text = 'a'.repeat(40);
    const tokens = estimateTokens(text);
    expect(promptTokens({ prompt: text })).toBe(tokens);
    expect(promptTokens({ prompt: [text, [1, 2]] })).toBe(tokens + 2);
    expect(promptTokens({ messages: [{ content: text }, { content: [{ type: 'text', text }, { type: 'image_url' }] }, null] })).toBe(
      2 * tokens,
    );
    expect(promptTokens({ prompt: 'abcd', messages: [{ content: text }] })).toBe(tokens);
    expect(promptTokens({ messages: [{ role: 'assistant', content: null }] })).toBe(0);
    for (const body of [{}, { prompt: 7 }, null, 'text']) expect(promptTokens(body)).toBeNaN();
  });
});

describe('documents', () => {
  it('counts either dialect', () => {
    expect(countDocuments({ documents: ['a', 'b'] })).toBe(2);
    expect(countDocuments({ texts: [] })).toBe(0);
    expect(countDocuments({ texts: ['a'], documents: ['a', 'b'] })).toBe(2);
    expect(countDocuments({ documents: 'a' })).toBeNaN();
    expect(countDocuments(null)).toBeNaN();
  });

  it('counts the query once per document', () => {
    const [query, document] = ['q'.repeat(40), 'd'.repeat(160)];
    const pair = estimateTokens(query) + estimateTokens(document);
    expect(countRerankTokens({ query, texts: [document, document] })).toBe(2 * pair);
    expect(countRerankTokens({ query, documents: [{ text: document }] })).toBe(pair);
    expect(countRerankTokens({ query, documents: [{ content: [{ type: 'text', text: document }] }] })).toBe(pair);
    expect(countRerankTokens({ query: { content: [{ text: query }] }, documents: [document] })).toBe(pair);
    expect(countRerankTokens({ query, texts: [document] }, { maxInputTokens: 12 })).toBe(12);
    expect(countRerankTokens({ texts: [document] })).toBeNaN();
  });
});

/** Each reads several fields, any of which may be anything. */
const measures: Record<string, (data: unknown) => number> = {
  countInputs,
  countInputTokens,
  'countInputTokens, cut': (data) => countInputTokens(data, { maxInputTokens: 8 }),
  maxTokensOr256,
  completionTokens,
  promptTokens,
  countDocuments,
  countRerankTokens,
  'countRerankTokens, cut': (data) => countRerankTokens(data, { maxInputTokens: 8 }),
};

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
const content = fc.oneof(
  text,
  fc.array(fc.oneof(text, fc.record({ type: fc.constant('text'), text }), fc.constant({ type: 'image_url' }))),
);
const item = fc.oneof(text, fc.nat(), fc.array(fc.oneof(fc.nat(), text)), fc.record({ content }), fc.record({ text }), fc.constant(null));

describe.each(Object.entries(measures))('%s', (_, measure) => {
  it('gives NaN or a finite number that is not negative, and never throws, whatever the body', () => {
    const field = fc.constantFrom('input', 'inputs', 'prompt', 'messages', 'documents', 'texts', 'query', 'max_tokens', 'n', 'best_of');
    const value = fc.oneof(fc.anything(), fc.array(item), fc.double(), text);
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(field, value)), (body) => {
        const load = measure(body);
        expect(Number.isNaN(load) || (Number.isFinite(load) && load >= 0)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('never gets smaller when an item is added, wherever in its list', () => {
    const list = fc.constantFrom('input', 'inputs', 'prompt', 'messages', 'documents', 'texts');
    fc.assert(
      fc.property(list, fc.array(item), item, fc.nat(), text, (name, items, added, position, query) => {
        const at = position % (items.length + 1);
        const before = measure({ query, [name]: items });
        const after = measure({ query, [name]: [...items.slice(0, at), added, ...items.slice(at)] });
        expect(Number.isNaN(before) === Number.isNaN(after) && !(after < before)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('every body that the APIs accept', () => {
  const inputs = fc.oneof(text, fc.array(text), fc.array(fc.nat()), fc.array(fc.array(fc.nat())));

  it('has a measure', () => {
    fc.assert(
      fc.property(inputs, fc.array(text), text, fc.nat(), (input, texts, query, maxTokens) => {
        const loads = [
          countInputs({ input }),
          countInputTokens({ inputs: input }),
          countDocuments({ texts }),
          countRerankTokens({ query, documents: texts }),
          maxTokensOr256({ max_tokens: maxTokens }),
          completionTokens({ prompt: input, max_tokens: maxTokens }),
          promptTokens({ prompt: input }),
        ];
        expect(loads.filter((load) => !Number.isFinite(load) || load < 0)).toEqual([]);
      }),
    );
  });

  it('costs no less when a text gets longer, up to the length that is read in full', () => {
    fc.assert(
      fc.property(text, text, (start, more) => {
        expect(estimateTokens(start + more)).toBeGreaterThanOrEqual(estimateTokens(start));
      }),
    );
  });
});
