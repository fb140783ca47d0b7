import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from '../src/stop-strings.ts';

function read(parts: string[], stops: string[], isIncluded = false): { text: string; stop: string | undefined } {
  const matcher = new StopStrings(stops, isIncluded);
  let text = '';
  for (const part of parts) {
    const fed = matcher.feed(part);
    text += fed.text;
    if (fed.stop !== undefined) return { text, stop: fed.stop };
  }
  return { text: text + matcher.rest(), stop: undefined };
}

describe('stop strings', () => {
  it('are found across parts, and cut off with all that follows', () => {
    expect(read(['one\n', 'Que', 'stion: two'], ['\nQuestion:'])).toEqual({ text: 'one', stop: '\nQuestion:' });
    expect(read(['a.b'], ['.'], true)).toEqual({ text: 'a.', stop: '.' });
  });

  it('of which the first in the text wins', () => {
    expect(read(['1 END 2 STOP'], ['STOP', 'END'])).toEqual({ text: '1 ', stop: 'END' });
  });

  it('never show the beginning of one before it is clear that it is none', () => {
    const matcher = new StopStrings(['###'], false);
    expect([matcher.feed('ab#').text, matcher.feed('#').text, matcher.feed('c').text, matcher.rest()]).toEqual(['a', 'b', '#', '#c']);
  });

  it('cut the text where they would cut the whole of it, however it was parted', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1F600}'), maxLength: 30 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1F600}'), minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 6 }), stop, (parts, one) => {
        const whole = parts.join('');
        const index = whole.indexOf(one);
        expect(read(parts, [one])).toEqual(index === -1 ? { text: whole, stop: undefined } : { text: whole.slice(0, index), stop: one });
      }),
    );
  });

  it('leave characters whole', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\u{1F600}', 'a', '\u{1F600}\u{1F600}')), (parts) => {
        const matcher = new StopStrings(['xyz'], false);
        for (const part of parts) expect(matcher.feed(part).text.isWellFormed()).toBe(true);
      }),
    );
  });
});
