import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOutline } from '../document/outline.ts';
import { anyDocument } from '../document/testing.ts';
import { longestSentence, RulesReader } from './rules-reader.ts';

function read(text: string): string[] {
  const outline = readOutline(text);
  const reader = new RulesReader(outline);
  return outline.blocks
    .flatMap((_, index) => reader.read(index))
    .map(({ start, end, obligation }) => `${obligation}: ${text.slice(start, end)}`);
}

describe('reading by rules', () => {
  it('finds sentences that oblige among those that do not', () => {
    expect(read('# The vendor shall\n\nThe city is large. The vendor shall clean\nit. Questions should be short.\n')).toEqual([
      'shall: The vendor shall clean\nit.',
      'should: Questions should be short.',
    ]);
  });

  it('finds the items that an obliging sentence leads in, and not the sentence', () => {
    expect(
      read('The vendor shall, every day:\n- open;\n- close, namely:\n  - doors; and\n  - windows.\n\nThe city will:\n- look\n'),
    ).toEqual(['shall: open', 'shall: doors', 'shall: windows.']);
  });

  it('takes an item by its own words where it has some', () => {
    expect(read('The vendor shall do this:\n- It opens. It may use a key. It should knock.\n- Bread.\n')).toEqual([
      'should: It should knock.',
      'shall: Bread.',
    ]);
  });

  it('reads tables: cells that oblige, priorities, rows that are led in', () => {
    const table = (lead: string, ...rows: string[]) => `${lead}\n\n| Id | What | How |\n|---|---|---|\n${rows.join('\n')}\n`;
    expect(read(table('Some interfaces.', '| A-1 | Radio | The system must call. |', '| A-2 | Lamp | blue |'))).toEqual([
      'shall: The system must call.',
    ]);
    expect(read(table('Wishes.', '| A-1 | A long list of words | Optional |', '| A-2 | More words | Mandatory |'))).toEqual([
      'may: A long list of words',
      'shall: More words',
    ]);
    expect(read(table('The vendor shall deliver:', '| 1 | a plan | soon |'))).toEqual(['shall: 1 | a plan | soon']);
  });

  it('takes nothing endless for a sentence', () => {
    const sentence = `The vendor shall ${'go on and '.repeat(longestSentence / 10)}end.`;
    expect(read(`${sentence} The vendor shall stop.`)).toEqual(['shall: The vendor shall stop.']);
  });

  it('finds ranges inside the document, that ascend, in any document', () => {
    fc.assert(
      fc.property(anyDocument, (text) => {
        const outline = readOutline(text);
        const reader = new RulesReader(outline);
        let at = 0;
        for (const { start, end } of outline.blocks.flatMap((_, index) => reader.read(index))) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
