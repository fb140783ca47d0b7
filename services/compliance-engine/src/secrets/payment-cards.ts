import type { Span } from './find-secrets.ts';

/** Payment card numbers: written as cards are, of an issuer's range, with the right check digit. */

/** Digits with one separator, or two blanks, at most between two of them: as far as they go. */
const digitRuns = /(?<![\p{L}\p{N}])\d(?:(?:[ \u00a0\u202f]{1,2}|[.\-\u2010\u2011\u2013])?\d){12,}(?![\p{L}\p{N}])/gu;

export function* findPaymentCards(text: string): Generator<Span> {
  for (const { 0: run, index } of text.matchAll(digitRuns)) yield* cardsIn(run, index);
}

interface Group {
  digits: string;
  start: number;
  end: number;
}

/** A run may hold more than a card: an expiry date or a check code beside it, or a second card. */
function* cardsIn(run: string, offset: number): Generator<Span> {
  const groups: Group[] = Array.from(run.matchAll(/\d+/g), ({ 0: digits, index }) => ({
    digits,
    start: offset + index,
    end: offset + index + digits.length,
  }));
  for (let first = 0; first < groups.length; first += 1) {
    const count = groupsOfCard(groups, first);
    if (count === 0) continue;
    yield { start: (groups[first] as Group).start, end: (groups[first + count - 1] as Group).end };
    first += count - 1;
  }
}

/** How many groups from `first` on are one card; the longest wins. 0: none. */
function groupsOfCard(groups: readonly Group[], first: number): number {
  for (let count = 5; count >= 1; count -= 1) {
    const card = groups.slice(first, first + count);
    if (card.length === count && isWrittenAsCard(card) && isCardNumber(card.map(({ digits }) => digits).join(''))) return count;
  }
  return 0;
}

/** In one piece, in fours with a shorter last group, or as 4-6-5 and 4-6-4. */
function isWrittenAsCard(groups: readonly Group[]): boolean {
  const lengths = groups.map(({ digits }) => digits.length);
  if (lengths.length === 1) return true;
  if (lengths.length === 3 && lengths[0] === 4 && lengths[1] === 6) return lengths[2] === 5 || lengths[2] === 4;
  return lengths.length >= 4 && lengths.slice(0, -1).every((length) => length === 4) && (lengths.at(-1) as number) <= 4;
}

/** Ranges of issuers: first digits and lengths. Source: the issuers' published ranges, as summarised for ISO/IEC 7812. */
const issuers: readonly { prefix: RegExp; lengths: readonly number[] }[] = [
  { prefix: /^4/, lengths: [13, 16, 19] }, // Visa
  { prefix: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] }, // Mastercard
  { prefix: /^3[47]/, lengths: [15] }, // American Express
  { prefix: /^(?:6011|64[4-9]|65)/, lengths: [16, 17, 18, 19] }, // Discover
  { prefix: /^3(?:0[0-5]|095|6|8|9)/, lengths: [14, 15, 16, 17, 18, 19] }, // Diners Club
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16, 17, 18, 19] }, // JCB
  { prefix: /^(?:62|81)/, lengths: [16, 17, 18, 19] }, // UnionPay
  { prefix: /^(?:5018|5020|5038|5893|6304|6759|676[1-3])/, lengths: [13, 14, 15, 16, 17, 18, 19] }, // Maestro
];

function isCardNumber(digits: string): boolean {
  return issuers.some(({ prefix, lengths }) => lengths.includes(digits.length) && prefix.test(digits)) && hasCheckDigit(digits);
}

/** Luhn: from the right every second digit doubled, nines cast out; the sum is a multiple of ten. */
export function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    const doubled = digit * 2;
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
