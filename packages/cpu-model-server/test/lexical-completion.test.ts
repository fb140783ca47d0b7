import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompletionSettings, CompletionToken } from '../src/engine.ts';
import { createLexicalCompletionEngine, extractAnswer } from '../src/lexical-completion.ts';
import { decode, encode, isId } from '../src/packed-tokenizer.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', '7', 'é', '東', '𝐀', '\u{1F600}', ' ', '\n', '.', '\ud800', '<|user|>', '<|', '\u0301') }),
);

describe('packed tokens', () => {
  it('give the text back, whatever it is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = encode(text);
        expect(decode(ids)).toBe(text.toWellFormed());
        expect(ids.map((id) => decode([id])).join('')).toBe(text.toWellFormed()); // each alone, so that streams have whole characters
        expect(ids.every(isId)).toBe(true);
      }),
    );
  });

  it('are about four characters of English each', () => {
    const text = 'The supplier shall notify the customer of every security breach within seventy two hours after it became known.';
    expect(text.length / encode(text).length).toBeGreaterThan(3);
    expect(text.length / encode(text).length).toBeLessThan(6);
  });

  it('are known by their ids', () => {
    expect([0, 5, 6, 15, 16, 271, 1e15, -1, 1.5].map(isId)).toEqual([true, true, false, false, true, true, false, false, false]);
    expect(() => decode([6])).toThrow('6 is no token');
  });
});

const settings: CompletionSettings = {
  sample: 0,
  maxTokens: 1_000,
  minTokens: 0,
  ignoreEnd: false,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  seed: undefined,
};
const engine = createLexicalCompletionEngine();

async function complete(prompt: string, changed: Partial<CompletionSettings> = {}): Promise<CompletionToken[]> {
  const tokens: CompletionToken[] = [];
  const asked = { ...settings, ...changed };
  for await (const token of engine.complete(engine.encode(prompt, true), asked, new AbortController().signal)) tokens.push(token);
  return tokens;
}
const textOf = (tokens: CompletionToken[]) => tokens.map(({ text }) => text).join('');

const facts = 'Cats sleep all day. Audit logs are kept for twelve months. Backups run at night. Logs are written in JSON.';

describe('lexical completions', () => {
  it('are the sentences of the prompt that share words with its question, best first', () => {
    expect(extractAnswer(`${facts}\nHow long are audit logs kept?`, 0)).toBe(
      'Audit logs are kept for twelve months. Logs are written in JSON.',
    );
    expect(extractAnswer(`${facts}\nQuestion: when do backups run?\nAnswer:`, 0)).toBe('Backups run at night.');
  });

  it('begin with the next best sentence for a further sample', () => {
    expect(extractAnswer(`${facts}\nHow long are audit logs kept?`, 1)).toBe(
      'Logs are written in JSON. Audit logs are kept for twelve months.',
    );
  });

  it('find the question of a conversation', async () => {
    const prompt = engine.renderChat([
      { role: 'system', content: facts },
      { role: 'user', content: 'How long are audit logs kept?' },
    ]) as string;
    expect(textOf(await complete(prompt))).toBe('Audit logs are kept for twelve months. Logs are written in JSON.');
  });

  it('always say something, and end', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const tokens = await complete(text);
        expect(tokens.length).toBeGreaterThan(1);
        expect(tokens.filter(({ isEnd }) => isEnd)).toEqual([tokens.at(-1)]);
      }),
    );
  });

  it('have the number of tokens asked for', async () => {
    expect(await complete(facts, { maxTokens: 3 })).toHaveLength(3);
    expect(await complete('Hello', { maxTokens: 40, ignoreEnd: true })).toHaveLength(40);
    const atLeast = await complete('Hello', { minTokens: 9 });
    expect(atLeast.length).toBeGreaterThan(9);
    expect(atLeast.at(-1)?.isEnd).toBe(true);
  });

  it('stop when asked to', async () => {
    const abort = new AbortController();
    const tokens = engine.complete(engine.encode('Hello', true), { ...settings, ignoreEnd: true }, abort.signal);
    const read = (async () => {
      for await (const _ of tokens) abort.abort();
    })();
    await expect(read).rejects.toThrow('aborted');
  });
});
