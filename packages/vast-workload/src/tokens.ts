/**
 * Tokens of a text without a tokenizer, from its characters. Latin script gives about four characters a token in the
 * usual BPE and WordPiece vocabularies; CJK characters are nearer to one each; other alphabets lie between.
 */

/** A hot path has no time to look at every character of a megabyte: of long texts it reads these samples, evenly spread. */
const sampleCount = 8;
const sampleLength = 128; // runs, not single characters: those could fall in step with a text that repeats itself
const readInFull = sampleCount * sampleLength;

/** At least 1 for a text that is not empty. Read in full up to 1,024 UTF-16 units, beyond that estimated from as many. */
export function estimateTokens(text: string): number {
  if (text.length <= readInFull) return Math.ceil(quartersIn(text, 0, text.length) / 4);
  const step = (text.length - sampleLength) / (sampleCount - 1);
  let quarters = 0;
  for (let sample = 0; sample < sampleCount; sample += 1) {
    const start = Math.round(sample * step);
    quarters += quartersIn(text, start, start + sampleLength);
  }
  return Math.ceil((quarters / 4) * (text.length / readInFull));
}

/** Quarters of a token. */
function quartersIn(text: string, start: number, end: number): number {
  let quarters = 0;
  for (let at = start; at < end; at += 1) quarters += quartersOf(text.charCodeAt(at));
  return quarters;
}

function quartersOf(unit: number): number {
  if (unit < 0x250) return 1; // Latin, digits, punctuation, blanks
  if (unit < 0x1100) return 2; // Greek, Cyrillic, Arabic, Indic scripts, …
  return 4; // Hangul, kana, CJK, halves of emoji, …
}
