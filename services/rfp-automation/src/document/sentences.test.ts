import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sentencesIn } from './sentences.ts';
import { anyDocument } from './testing.ts';

const read = (text: string) => sentencesIn(text, { start: 0, end: text.length }).map(({ start, end }) => text.slice(start, end));

describe('sentences', () => {
  it.each([
    ['One. Two! Three? Four', ['One.', 'Two!', 'Three?', 'Four']],
    ['It is due at 3 p.m. Central Time. Late is late.', ['It is due at 3 p.m. Central Time.', 'Late is late.']],
    ['It opens at 9 a.m. Bring it.', ['It opens at 9 a.m.', 'Bring it.']],
    ['See Sec. 4 and No. 12, e.g. the U.S. Code. Then act.', ['See Sec. 4 and No. 12, e.g. the U.S. Code.', 'Then act.']],
    ['Sign Form A. Send it to J. Smith.', ['Sign Form A.', 'Send it to J. Smith.']],
    ['The answer is no. Then stop.', ['The answer is no.', 'Then stop.']],
    ['Version 3.5 is needed (see below.) It “works.” So', ['Version 3.5 is needed (see below.)', 'It “works.”', 'So']],
    ['Mr. Smith signs. **Do it.** Now.', ['Mr. Smith signs.', '**Do it.**', 'Now.']],
    ['First line\nsecond line. Third\n', ['First line\nsecond line.', 'Third']],
    ['日本語。文。', ['日本語。', '文。']],
    ['   ', []],
  ])('%j', (text, sentences) => {
    expect(read(text)).toEqual(sentences);
  });

  it('gives ranges that ascend and leave out nothing but whitespace', () => {
    fc.assert(
      fc.property(anyDocument, fc.nat(), fc.nat(), (text, from, to) => {
        const range = { start: from % (text.length + 1), end: text.length - (to % (text.length + 1)) };
        let at = range.start;
        for (const { start, end } of range.start < range.end ? sentencesIn(text, range) : []) {
          expect(text.slice(at, start).trim()).toBe('');
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(text.slice(at, Math.max(at, range.end)).trim()).toBe('');
      }),
    );
  });
});
