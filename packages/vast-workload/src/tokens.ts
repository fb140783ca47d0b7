import { beginsRun, kindCount, kindOfUnit } from './characters.ts';
import { tokenWeights } from './token-weights.ts';

/**
 * Tokens of a text without its tokenizer, from the kinds of its characters and of the runs they form; weights are fitted
 * to real tokenizers (scripts/calibrate.ts), one set for each family of them.
 */

export type TokenizerFamily = keyof typeof tokenWeights;

export const defaultFamily: TokenizerFamily = 'o200k';

/** Names of models, in lower case; the first that matches. */
const familyOfModel: readonly (readonly [RegExp, TokenizerFamily])[] = [
  [/multilingual|bge-m3|xlm/, 'o200k'],
  [/minilm|mpnet|\bbge-|\be5-|\bgte-|bert|nomic-embed|mxbai|ms-marco|arctic-embed/, 'wordpiece'],
  [/llama-?3|qwen|gpt-3\.5|gpt-4(?!o)/, 'cl100k'],
];

/** @param model `BAAI/bge-base-en-v1.5`; undefined or unknown: the default family */
export function tokenizerFamilyOf(model: string | undefined): TokenizerFamily {
  const name = (model ?? '').toLowerCase();
  return familyOfModel.find(([pattern]) => pattern.test(name))?.[1] ?? defaultFamily;
}

/** A hot path has no time to look at every character of a megabyte: of long texts it reads these samples, evenly spread. */
const sampleCount = 16;
const sampleLength = 128; // runs, not single characters: those could fall in step with a text that repeats itself
const readInFull = sampleCount * sampleLength;

/** At least 1 for a text that is not empty. Read in full up to 2,048 UTF-16 units, beyond that estimated from as many. */
export function estimateTokens(text: string, family: TokenizerFamily = defaultFamily): number {
  const weights = steps[family];
  if (text.length <= readInFull) return Math.max(Math.ceil(quantaIn(text, weights) / quantum), text.length > 0 ? 1 : 0);
  const stride = (text.length - sampleLength) / (sampleCount - 1);
  let quanta = 0;
  for (let sample = 0; sample < sampleCount; sample += 1) {
    const start = Math.round(sample * stride);
    quanta += quantaIn(text.slice(start, start + sampleLength), weights);
  }
  return Math.max(Math.ceil((quanta / quantum) * (text.length / readInFull)), 1);
}

/** Whole numbers add up faster than fractions. */
const quantum = 1_024;

/** UTF-16 units of what is read: `charCodeAt` asks how a string is stored for each of them, and takes twice as long. */
const unitBytes = Buffer.alloc(readInFull * 2);
const units = new Uint16Array(unitBytes.buffer, unitBytes.byteOffset, readInFull); // of this machine's order of bytes, which is little-endian

/** @param text at most `readInFull` units */
function quantaIn(text: string, weights: Int32Array): number {
  unitBytes.write(text, 'utf16le');
  let quanta = 0;
  let row = noKind << rowBits;
  for (let at = 0; at < text.length; at += 1) {
    const kind = kindOfUnit[units[at] as number] as number;
    quanta += weights[row | kind] as number;
    row = kind << rowBits;
  }
  return quanta;
}

/** Rows of 16: the kind before, or none. */
const rowBits = 4;
const noKind: number = kindCount;

/** What a character adds after another: its kind's weight, and that of a run when it begins one. One look-up in the loop. */
const steps = Object.fromEntries(Object.entries(tokenWeights).map(([family, weights]) => [family, tableOf(weights)])) as Record<
  TokenizerFamily,
  Int32Array
>;

function tableOf({ each, run }: { each: readonly number[]; run: readonly number[] }): Int32Array {
  const table = new Int32Array((kindCount + 1) << rowBits);
  for (let previous = 0; previous <= kindCount; previous += 1) {
    for (let kind = 0; kind < kindCount; kind += 1) {
      const tokens = (each[kind] as number) + (beginsRun(previous, kind) ? (run[kind] as number) : 0);
      table[(previous << rowBits) | kind] = Math.round(tokens * quantum);
    }
  }
  return table;
}
