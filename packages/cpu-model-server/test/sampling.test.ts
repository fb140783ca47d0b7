import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncrementalText } from '../src/incremental-text.ts';
import { seededRandom } from '../src/random.ts';
import { chooseToken, type SamplingSettings } from '../src/sampling.ts';

const plain: SamplingSettings = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};
const nothing = { prompt: new Set<number>(), generated: new Map<number, number>(), banned: [] };
/** Probabilities 0.5, 0.3, 0.15, 0.05 */
const logits = Float32Array.from([0.5, 0.3, 0.15, 0.05], Math.log);

function frequencies(settings: Partial<SamplingSettings>, state: Partial<typeof nothing> = {}): number[] {
  const counts = [0, 0, 0, 0];
  const draws = 1_000;
  for (let draw = 0; draw < draws; draw += 1) {
    const id = chooseToken(logits, { ...plain, ...settings }, { ...nothing, ...state }, () => (draw + 0.5) / draws);
    counts[id] = (counts[id] as number) + 1;
  }
  return counts.map((count) => count / draws);
}

describe('the next token', () => {
  it.each<[string, Partial<SamplingSettings>, number[]]>([
    ['follows the probabilities', {}, [0.5, 0.3, 0.15, 0.05]],
    ['is the most likely one at temperature 0', { temperature: 0 }, [1, 0, 0, 0]],
    ['is one of the k most likely', { topK: 2 }, [0.625, 0.375, 0, 0]],
    ['is one of those that make up p', { topP: 0.8 }, [0.625, 0.375, 0, 0]],
    ['is one of at least a share of the most likely one', { minP: 0.29 }, [0.526, 0.316, 0.158, 0]],
    ['is more often a likely one when it is cold', { temperature: 0.5 }, [0.685, 0.247, 0.061, 0.007]],
  ])('%s', (_, settings, expected) => {
    const found = frequencies(settings);
    expected.forEach((share, id) => expect(Math.abs((found[id] as number) - share)).toBeLessThan(0.002));
  });

  it('is never a banned one', () => {
    expect(frequencies({}, { banned: [0, 2] as never })).toEqual([0, 0.857, 0, 0.143]);
    expect(frequencies({ temperature: 0 }, { banned: [0] as never })).toEqual([0, 1, 0, 0]);
  });

  it('is less often one that was there, by presence, by count, and anywhere in the text', () => {
    const twice = new Map([[0, 2]]);
    const odds = ([first, second]: number[]) => (first as number) / (second as number);
    const once = odds(frequencies({}));
    expect(odds(frequencies({ presencePenalty: 1 }, { generated: twice }))).toBeCloseTo(once / Math.E, 1);
    expect(odds(frequencies({ frequencyPenalty: 0.5 }, { generated: twice }))).toBeCloseTo(once / Math.E, 1);
    expect(odds(frequencies({ repetitionPenalty: 2 }, { prompt: new Set([0]) }))).toBeCloseTo(once / 2, 1); // log 0.5 times 2
  });

  it('is always one of them', () => {
    const anyLogits = fc.float32Array({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100, minLength: 1, maxLength: 50 });
    const settings = fc.record({
      temperature: fc.double({ min: 0, max: 2, noNaN: true }),
      topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
      topK: fc.nat(60),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(anyLogits, settings, fc.nat(), (some, given, seed) => {
        const id = chooseToken(some, { ...plain, ...given }, nothing, seededRandom(seed));
        expect(id >= 0 && id < some.length).toBe(true);
      }),
    );
  });
});

describe('text of tokens as they come', () => {
  /** Tokens are bytes. */
  const decode = (ids: number[]) => Buffer.from(ids).toString();

  it('is whole characters, and in the end the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (written) => {
        const text = new IncrementalText(decode);
        let shown = '';
        for (const id of Buffer.from(written)) {
          shown += text.push(id);
          expect(written.slice(0, shown.length)).toBe(shown); // a piece of a character would be U+FFFD
        }
        expect(shown + text.rest()).toBe(written);
      }),
      { examples: [['\ufffd ']] }, // the character itself is one like any other
    );
  });

  it('has what was never completed at the end', () => {
    const text = new IncrementalText(decode);
    expect([text.push(0x61), text.push(0xc3), text.rest()]).toEqual(['a', '', '\ufffd']);
  });
});
