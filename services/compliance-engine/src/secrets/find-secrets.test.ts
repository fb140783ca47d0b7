import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookAlikes, plantedSecrets } from '../../test/secret-corpus.ts';
import { secretForms } from '../../test/secret-forms.ts';
import { findSecrets, masked } from './find-secrets.ts';
import { hasCheckDigit } from './payment-cards.ts';
import { secretKinds } from './secret-patterns.ts';

/** What nobody can tell from its looks alone, and is not promised. */
const notPromised = ['beside its name only', 'beside a user name only', 'in another language'];
const promised = plantedSecrets(28).filter(({ place }) => !notPromised.includes(place));

describe('secrets', () => {
  it.each(secretKinds)('of kind %s are found where they stand, whatever stands around them', (kind) => {
    const ofKind = promised.filter((planted) => planted.kind === kind);
    expect(ofKind.length).toBeGreaterThan(10);
    for (const { text, place, start, end } of ofKind) {
      const covering = findSecrets(text).filter((secret) => secret.start <= start && secret.end >= end);
      expect([place, covering.map((secret) => secret.kind)]).toEqual([place, [kind]]);
    }
  });

  it.each(secretForms)('are found in the form: $what', ({ text, start, end, isPromised }) => {
    expect(findSecrets(text).some((secret) => secret.start <= start && secret.end >= end)).toBe(isPromised);
  });

  it('are found where full-width letters or characters that nobody sees hide them, at their place in the text as it is', () => {
    const secret = `gh${'p_'}${'a1B2'.repeat(9)}`;
    const wide = secret.replace(/[!-~]/g, (unit) => String.fromCharCode(unit.charCodeAt(0) + 0xfee0));
    const strewn = [...secret].join('\u200b');
    const text = `🔑\u00ad one ${wide} two ${strewn} three`;
    const spanOf = (hidden: string) => ({ kind: 'github-token', start: text.indexOf(hidden), end: text.indexOf(hidden) + hidden.length });
    expect(findSecrets(text)).toEqual([spanOf(wide), spanOf(strewn)]);
  });

  it('are found in a text of any content in time that grows with its length', () => {
    const pieces = [
      'a',
      '4 ',
      '4111-',
      'eyJaaaaaaaaaaaa.',
      'password: ',
      "token='",
      'bearer ',
      'sk-',
      'a://',
      '?sig=',
      '-----BEGIN ',
      'A1b-',
      '\u200b',
    ];
    for (const piece of pieces) {
      const text = piece.repeat(1_000_000 / piece.length);
      expect(masked(text, findSecrets(text))).toHaveLength(text.length); // minutes, if a pattern went back over it
    }
  });

  it('are few among look-alikes: what has an issuer’s digits and the right check digit is taken for a card', () => {
    const mistaken = lookAlikes(100).filter(({ text }) => findSecrets(text).length > 0);
    expect(new Set(mistaken.map(({ what }) => what))).toEqual(new Set(['an order number']));
    expect(mistaken.length).toBeLessThan(10);
  });

  it('lie in order, do not overlap, and are all gone once masked, nothing else changed', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(...promised.map(({ text }) => text)),
        fc.constantFrom('\u200b', '\ufeff', '\uff41\uff11', '> '),
        fc.string({ unit: 'binary' }),
      ),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(pieces, (texts) => {
        const text = texts.join('\n');
        const secrets = findSecrets(text);
        const hidden = masked(text, secrets);
        expect(hidden).toHaveLength(text.length);
        let last = 0;
        for (const { start, end } of secrets) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(hidden.slice(last, start)).toBe(text.slice(last, start));
          expect(hidden.slice(start, end)).toMatch(/^\*+$/);
          last = end;
        }
        expect(hidden.slice(last)).toBe(text.slice(last));
      }),
    );
  });
});

it('a check digit is right for the numbers that everybody tests with, and wrong for their neighbours', () => {
  const numbers = ['4111 1111 1111 1111', '5500 0000 0000 0004', '3400 0000 0000 009', '6011 0000 0000 0004'].map((one) =>
    one.replaceAll(' ', ''),
  );
  expect(numbers.map(hasCheckDigit)).toEqual([true, true, true, true]);
  expect(numbers.map((digits) => hasCheckDigit(digits.slice(0, -1) + ((Number(digits.at(-1)) + 1) % 10)))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
