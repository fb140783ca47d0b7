import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { categories, type Finding, obligations } from '../requirement.ts';
import { foldedWords } from './folding.ts';
import { readOutline } from './outline.ts';
import { toRequirements } from './requirements.ts';
import { anyDocument } from './testing.ts';

/** Findings of these pieces of a text, each where it stands for the first time behind the one before. */
function requirementsOf(text: string, pieces: (string | Partial<Finding & { text: string }>)[]) {
  let from = 0;
  const findings = pieces.map((piece) => {
    const { text: words, ...rest } = {
      obligation: 'shall' as const,
      category: 'other' as const,
      ...(typeof piece === 'string' ? { text: piece } : piece),
    };
    const start = text.indexOf(words as string, from);
    if (typeof piece === 'string') from = start + 1;
    return { start, end: start + (words as string).length, ...rest };
  });
  return toRequirements(readOutline(text), findings);
}

const text = `# 4 Logs

Intro. The vendor shall keep logs within 5 days. It may sell them.

LOG-1: The vendor shall keep
logs within 5 days.

The vendor shall:
- keep logs
- burn paper
`;

describe('requirements', () => {
  it('say what follows from their place', () => {
    expect(requirementsOf(text, ['The vendor shall keep logs within 5 days.'])).toEqual([
      {
        id: expect.stringMatching(/^req-[0-9a-f]{12}$/),
        reference: null,
        section: '4 Logs',
        obligation: 'shall',
        category: 'other',
        text: 'The vendor shall keep logs within 5 days.',
        start: 17,
        end: 58,
        lead: null,
        due: [{ start: 51, end: 57, text: '5 days', date: null, time: null, within: { amount: 5, unit: 'day' } }],
        occurrences: [{ start: 17, end: 58 }],
      },
    ]);
    const [labelled, item] = requirementsOf(text, ['The vendor shall keep\nlogs', 'burn paper']);
    expect(labelled).toMatchObject({ reference: 'LOG-1' });
    expect(item).toMatchObject({ lead: { text: 'The vendor shall:' } });
  });

  it('are one where they say the same, with every place', () => {
    const requirements = requirementsOf(text, [
      'The vendor shall keep logs within 5 days.',
      'The vendor shall keep\nlogs within 5 days.',
      'keep logs',
    ]);
    expect(requirements).toHaveLength(2); // led in by another sentence, the item is another one
    expect(requirements[0]?.occurrences).toHaveLength(2);
  });

  it('are one where the same place was found twice, whatever was found of it', () => {
    const longer = 'The vendor shall keep logs within 5 days.';
    expect(
      requirementsOf(text, [{ text: 'shall keep logs within 5 days' }, { text: longer }, { text: longer.slice(0, -1) }]),
    ).toMatchObject([{ text: longer }]);
  });

  it('take the strongest obligation of one place, and keep two that one sentence holds', () => {
    const whole = 'The vendor shall keep logs within 5 days. It may sell them.';
    expect(requirementsOf(text, [{ text: whole, obligation: 'may' }, { text: whole }])).toMatchObject([{ obligation: 'shall' }]);
    expect(requirementsOf(text, [{ text: whole }, { text: 'It may sell them.', obligation: 'may' }])).toHaveLength(2);
  });

  it('read a column of due dates', () => {
    const table = 'The vendor shall deliver:\n\n| What | Due |\n|---|---|\n| a plan for it | 20 business days after award |\n';
    expect(requirementsOf(table, ['a plan for it | 20 business days after award'])[0]?.due).toMatchObject([
      { text: '20 business days', within: { amount: 20, unit: 'business-day' } },
    ]);
  });

  const findingsIn = (document: string) =>
    fc.array(
      fc
        .record({
          at: fc.nat(),
          length: fc.integer({ min: 1, max: 80 }),
          obligation: fc.constantFrom(...obligations),
          category: fc.constantFrom(...categories),
        })
        .map(({ at, length, ...rest }) => {
          const start = at % Math.max(1, document.length);
          return { start, end: Math.min(document.length, start + length), ...rest };
        })
        .filter(({ start, end }) => end > start),
    );
  const documentAndFindings = anyDocument
    .filter((document) => document.length > 0)
    .chain((document) => fc.tuple(fc.constant(document), findingsIn(document)));

  it('reproduce the document by their offsets, each place once, and lose no finding', () => {
    fc.assert(
      fc.property(documentAndFindings, ([document, findings]) => {
        const requirements = toRequirements(readOutline(document), findings);
        expect(new Set(requirements.map(({ id }) => id)).size).toBe(requirements.length);
        for (const { text: words, start, end, occurrences, due, lead } of requirements) {
          expect(document.slice(start, end)).toBe(words);
          expect(occurrences[0]).toEqual({ start, end });
          for (const place of occurrences) expect(foldedWords(document.slice(place.start, place.end))).toBe(foldedWords(words));
          for (const span of [...due, ...(lead ? [lead] : [])]) expect(document.slice(span.start, span.end)).toBe(span.text);
        }
        const places = requirements.flatMap(({ occurrences }) => occurrences);
        for (const finding of findings) expect(places.some(({ start, end }) => start < finding.end && end > finding.start)).toBe(true);
      }),
    );
  });

  it('are the same whatever the order of the findings', () => {
    fc.assert(
      fc.property(documentAndFindings, fc.nat(), ([document, findings], turn) => {
        const outline = readOutline(document);
        const at = turn % Math.max(1, findings.length);
        const turned = [...findings.slice(at), ...findings.slice(0, at)].reverse();
        expect(toRequirements(outline, turned)).toEqual(toRequirements(outline, findings));
      }),
    );
  });

  it('do not change when they are found again', () => {
    fc.assert(
      fc.property(documentAndFindings, ([document, findings]) => {
        const outline = readOutline(document);
        expect(toRequirements(outline, [...findings, ...findings])).toEqual(toRequirements(outline, findings));
      }),
    );
  });
});
