/** Kinds of characters that tokenizers treat alike. */
export const kinds = [
  'blank',
  'lineEnd',
  'lower',
  'upper',
  'digit',
  'punctuation',
  'accented',
  'cyrillicOrGreek',
  'otherAlphabet',
  'ideograph',
  'kana',
  'hangul',
  'symbol',
] as const;
export const kindCount: number = kinds.length;

/** Of each UTF-16 unit, an index into `kinds`. One look-up, no branch: the loop over a text is a hot path. */
export const kindOfUnit: Uint8Array = Uint8Array.from({ length: 0x1_0000 }, (_, unit) =>
  unit < 0x250 ? latinKind(unit) : kindBeyondLatin(unit),
);

function latinKind(unit: number): number {
  const character = String.fromCharCode(unit);
  if (character === '\n' || character === '\r' || character === '\t') return 1;
  if (unit <= 0x20 || unit === 0xa0) return 0;
  if (character >= '0' && character <= '9') return 4;
  if (character >= 'a' && character <= 'z') return 2;
  if (character >= 'A' && character <= 'Z') return 3;
  return unit >= 0xc0 && unit !== 0xd7 && unit !== 0xf7 ? 6 : 5;
}

function kindBeyondLatin(unit: number): number {
  if (unit < 0x370) return 6;
  if (unit < 0x590) return 7;
  if (unit < 0x1100) return 8;
  if (unit < 0x1200) return 11;
  if (unit >= 0x1e00 && unit < 0x1f00) return 6;
  if (unit < 0x2000) return 8;
  if (unit < 0x2e80) return 12; // dashes, quotes, arrows, mathematics
  if (unit >= 0x3040 && unit < 0x3100) return 10;
  if (unit < 0xac00) return 9;
  if (unit < 0xd7b0) return 11;
  if (unit >= 0xf900 && unit < 0xfb00) return 9;
  return 12; // halves of emoji, presentation forms
}

const small = new Set([kinds.indexOf('lower'), kinds.indexOf('accented')]);
const upper = kinds.indexOf('upper');

/** Whether a run begins with this character: `The` and `für` are one run, `camelCase` is two. */
export function beginsRun(previous: number, kind: number): boolean {
  if (previous === kind) return false;
  return !(small.has(kind) && (small.has(previous) || previous === upper));
}
