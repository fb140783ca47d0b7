import { describe, expect, it } from 'vitest';
import { blockAt, readOutline } from './outline.ts';

/** What leads in each piece of a text that `needles` name. */
function leads(text: string, needles: string[]): (string | undefined)[] {
  const outline = readOutline(text);
  return needles.map((needle) => {
    const lead = blockAt(outline, text.indexOf(needle))?.lead?.sentence;
    return lead && text.slice(lead.start, lead.end);
  });
}

describe('the outline', () => {
  it('knows the headings above each block', () => {
    const text = '# A\n\none\n\n## B\n\ntwo\n\n### C\n\n## D\n\nthree\n\n# E\n\nfour';
    const outline = readOutline(text);
    const path = (needle: string) =>
      blockAt(outline, text.indexOf(needle))
        ?.path.map(({ start, end }) => text.slice(start, end))
        .join('/');
    expect(['one', 'two', 'three', 'four'].map(path)).toEqual(['A', 'A/B', 'A/D', 'E']);
  });

  it('knows which sentence leads in an item, through nested lists', () => {
    const text = `Some words. The contractor shall:
- alpha
- beta, such as:
  - gamma
  - delta
- epsilon

A paragraph between.

- zeta
`;
    expect(leads(text, ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'])).toEqual([
      'The contractor shall:',
      'The contractor shall:',
      'beta, such as:',
      'beta, such as:',
      'The contractor shall:',
      undefined,
    ]);
  });

  it('knows it in plain text, where lists are told apart by their marks', () => {
    const text = `3.1 The contractor shall provide:
(a) alpha;
(b) beta.
3.2 The system shall:

(a) gamma;

(b) delta.

4.1 omega
`;
    expect(leads(text, ['alpha', 'beta', 'gamma', 'delta', 'omega'])).toEqual([
      'The contractor shall provide:',
      'The contractor shall provide:',
      'The system shall:',
      'The system shall:',
      undefined,
    ]);
  });

  it('knows it for the rows of a table', () => {
    expect(leads('It shall meet these levels:\n\n| A | B |\n|---|---|\n| 1 | two |\n\n# H\n| x | y |', ['two', 'y'])).toEqual([
      'It shall meet these levels:',
      undefined,
    ]);
  });
});
