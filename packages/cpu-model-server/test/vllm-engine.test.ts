import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompletionEngine, CompletionSettings, CompletionToken } from '../src/engine.ts';
import { createLexicalCompletionEngine } from '../src/lexical-completion.ts';
import { type Delta, deltasOf, type StopRules } from '../src/vllm-deltas.ts';
import { EngineCore } from '../src/vllm-engine-core.ts';

const end = 0;
const rules: StopRules = { stop: [], includeStopStrings: false, stopTokenIds: [], minTokens: 0, maxTokens: 100 };

/** Each text is a token with its place as the id, from 1 on; null is the end. */
async function* tokensOf(texts: (string | null)[]): AsyncGenerator<CompletionToken> {
  for (const [index, text] of texts.entries()) yield { id: text === null ? end : index + 1, text: text ?? '', isEnd: text === null };
}

async function read(texts: (string | null)[], changed: Partial<StopRules> = {}) {
  const deltas: Delta[] = [];
  for await (const delta of deltasOf(tokensOf(texts), { ...rules, ...changed })) deltas.push(delta);
  return { text: deltas.map(({ text }) => text).join(''), tokens: deltas.length, ...deltas.at(-1)?.finish };
}

describe('an answer ends', () => {
  it.each<[string, (string | null)[], Partial<StopRules>, object]>([
    ['where the model ends it', ['a', 'b', null], {}, { text: 'ab', tokens: 3, reason: 'stop', stopReason: null }],
    ['at the greatest length', ['a', 'b', 'c'], { maxTokens: 2 }, { text: 'ab', tokens: 2, reason: 'length', stopReason: null }],
    ['by length when the end comes with it', ['a', null], { maxTokens: 2 }, { text: 'a', tokens: 2, reason: 'length', stopReason: null }],
    [
      'at a stop token, which is not shown',
      ['a', 'b', 'c'],
      { stopTokenIds: [2] },
      { text: 'a', tokens: 2, reason: 'stop', stopReason: 2 },
    ],
    ['at a stop string', ['a', '##', 'c'], { stop: ['#'] }, { text: 'a', tokens: 2, reason: 'stop', stopReason: '#' }],
    [
      'at a stop string that is shown',
      ['a#'],
      { stop: ['#'], includeStopStrings: true },
      { text: 'a#', tokens: 1, reason: 'stop', stopReason: '#' },
    ],
    [
      'at no stop before the least length',
      ['#', 'b', '#', 'd'],
      { stop: ['#'], minTokens: 2 },
      { text: '#b', tokens: 3, reason: 'stop', stopReason: '#' },
    ],
    ['with what was held back', ['a', '#', null], { stop: ['##'] }, { text: 'a#', tokens: 3, reason: 'stop', stopReason: null }],
    ['as aborted when the tokens cease', ['a', '#'], { stop: ['##'] }, { text: 'a#', tokens: 3, reason: 'abort', stopReason: null }],
  ])('%s', async (_, texts, changed, expected) => {
    expect(await read(texts, changed)).toEqual(expected);
  });

  it('with all of its text, whatever is held back on the way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('a', '#', '\u{1F600}')), async (texts) => {
        expect((await read([...texts, null], { stop: ['zzz'] })).text).toBe(texts.join(''));
      }),
    );
  });
});

const settings: CompletionSettings = {
  sample: 0,
  seed: undefined,
  maxTokens: 3,
  minTokens: 0,
  ignoreEnd: true,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};
const never = new AbortController().signal;

function startCore(maxNumSeqs: number, engine: CompletionEngine = createLexicalCompletionEngine()) {
  const core = new EngineCore(engine, { maxNumSeqs, maxModelLen: 100, latencyPerItemMs: 0, latencyPerTokenUs: 0 });
  const turns: string[] = [];
  const run = async (name: string, signal = never) => {
    let tokens = 0;
    for await (const _ of core.generate(engine.encode(name, true), settings, signal, () => turns.push(name))) tokens += 1;
    return tokens;
  };
  return { core, turns, run };
}

describe('the engine core', () => {
  it('runs so many at once; the others wait, first come, first served', async () => {
    const { core, turns, run } = startCore(2);
    const names = ['a', 'b', 'c', 'd', 'e'];
    const all = names.map((name) => run(name));
    expect([core.running, core.waiting]).toEqual([2, 3]);
    expect(await Promise.all(all)).toEqual([3, 3, 3, 3, 3]);
    expect(turns).toEqual(names);
    expect([core.running, core.waiting, core.kvCacheUsage]).toEqual([0, 0, 0]);
  });

  it('gives every place back, whoever leaves and when', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(12), { maxLength: 8 }), async (leaveAfter) => {
        const { core, run } = startCore(2);
        const runs = leaveAfter.map(async (turnsOfTheLoop) => {
          const left = new AbortController();
          const done = run('x', left.signal).catch((error: Error) => error.name);
          for (let turn = 0; turn < turnsOfTheLoop; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          left.abort();
          return done;
        });
        for (const outcome of await Promise.all(runs)) expect([3, 'AbortError']).toContain(outcome);
        expect([core.running, core.waiting, core.kvCacheUsage]).toEqual([0, 0, 0]);
      }),
    );
  });

  it('fails all at its death, those that wait and those to come', async () => {
    const { core, run } = startCore(1);
    const all = [run('a'), run('b')];
    core.die(new Error('on purpose'));
    for (const one of [...all, run('c')]) await expect(one).rejects.toThrow('EngineCore encountered an issue.');
    expect([core.running, core.waiting]).toEqual([0, 0]);
  });

  it('ends all where they are when it is stopped', async () => {
    const { core, run } = startCore(1);
    const all = [run('a'), run('b')];
    core.abortAll();
    expect(await Promise.all(all)).toEqual([0, 0]);
  });
});
