/**
 * Tokens of a text without a tokenizer, from its characters. Latin script gives about four characters a token in the
 * usual BPE and WordPiece vocabularies; CJK characters and most other scripts are nearer to one each.
 */

/** Long texts are measured by samples: a hot path has no time to look at every character of a megabyte. */
const sampleLength = 1024;
const sampledAbove = 4 * sampleLength;

/** At least 1 for a text that is not empty. */
export function estimateTokens(text: string): number {
  if (text.length === 0) return 0;
  if (text.length <= sampledAbove) return Math.max(1, Math.ceil(measure(text, 0, text.length)));
  const step = (text.length - sampleLength) / 3;
  let sampled = 0;
  for (let sample = 0; sample < 4; sample += 1) {
    const start = Math.round(sample * step);
    sampled += measure(text, start, start + sampleLength);
  }
  return Math.ceil((sampled / (4 * sampleLength)) * text.length);
}

const latinTokensPerUnit = 0.25;
const otherAlphabetTokensPerUnit = 0.5;
const denseScriptTokensPerUnit = 0.9;

function measure(text: string, start: number, end: number): number {
  let latin = 0;
  let otherAlphabet = 0;
  let dense = 0;
  for (let at = start; at < end; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x250) latin += 1;
    else if (unit < 0x1100)
      otherAlphabet += 1; // Greek, Cyrillic, Arabic, Indic scripts, …
    else dense += 1; // Hangul, CJK, kana, emoji halves, …
  }
  return latin * latinTokensPerUnit + otherAlphabet * otherAlphabetTokensPerUnit + dense * denseScriptTokensPerUnit;
}
