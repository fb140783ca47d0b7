import { bm25 } from './bm25.ts';
import type { EmbeddingEngine, EngineInput, RerankEngine } from './engine.ts';
import { countTokens, hashText, lexicalTokenizer, tokenize } from './lexical-tokenizer.ts';
import { type Stem, stems, terms } from './lexical-words.ts';

/**
 * Embeddings without weights: features of the text (word stems, pairs of neighbours, parts of words) are hashed into a
 * vector, each with a weight that grows slower than its count. Texts that share words, or parts of words, are near;
 * synonyms that share no letters are not. Deterministic: the same text gives the same vector on every machine.
 */
export function createLexicalEngine(dimensions: number): LexicalEngine {
  return {
    name: 'lexical',
    description: 'lexical engine: hashed word and character n-grams, no weights, not a neural model',
    tokenizer: lexicalTokenizer,
    dimensions,
    pooling: 'mean',
    embed: (input) => project(typeof input === 'string' ? textFeatures(stems(input)) : idFeatures(input), dimensions),
    embedAll: (input) => tokenFeatures(input).map((features) => project(features, dimensions)),
    countPair: (query, document) => countTokens(`${query} ${document}`),
    rerank: rerankByTerms,
  };
}

/** All at once, and without waiting. */
export interface LexicalEngine extends EmbeddingEngine, RerankEngine {
  embed(input: EngineInput): Float32Array;
  embedAll(input: EngineInput): Float32Array[];
  rerank(query: string, documents: readonly string[]): number[];
}

type Features = Map<string, number>;

const wordWeight = 1;
const commonWordWeight = 0.12;
const pairWeight = 0.4;
/** Shared out over the parts of one word. */
const partsWeight = 0.7;

function textFeatures(words: readonly Stem[]): Features {
  const features: Features = new Map();
  words.forEach(({ stem, isCommon }, index) => {
    add(features, `w ${stem}`, isCommon ? commonWordWeight : wordWeight);
    if (isCommon) return;
    const parts = wordParts(stem);
    for (const part of parts) add(features, `c ${part}`, partsWeight / Math.sqrt(parts.length));
    const next = words.slice(index + 1).find((word) => !word.isCommon);
    if (next) add(features, `p ${stem} ${next.stem}`, pairWeight);
  });
  return features;
}

/** Token ids carry no letters: words and pairs of them are all there is. */
function idFeatures(ids: readonly number[]): Features {
  const features: Features = new Map();
  ids.forEach((id, index) => {
    add(features, `i ${id}`, wordWeight);
    if (index > 0) add(features, `j ${ids[index - 1]} ${id}`, pairWeight);
  });
  return features;
}

function tokenFeatures(input: EngineInput): Features[] {
  if (typeof input !== 'string') return input.map((id) => idFeatures([id]));
  return tokenize(input, true).map(({ text, special }) => (special ? new Map([[`s ${text}`, 1]]) : textFeatures(stems(text))));
}

/** Three to five neighbouring letters, the word's ends marked. */
function wordParts(stem: string): string[] {
  const marked = `^${stem}$`;
  const parts: string[] = [];
  for (let length = 3; length <= 5; length += 1) {
    for (let start = 0; start + length <= marked.length; start += 1) parts.push(marked.slice(start, start + length));
  }
  return parts;
}

function add(features: Features, name: string, weight: number): void {
  features.set(name, (features.get(name) ?? 0) + weight);
}

/** Each feature goes to three places with a sign, so that two features that meet in one place seldom meet in all. */
function project(features: Features, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const [name, weight] of features) {
    const value = weight <= 1 ? weight : 1 + Math.log(weight);
    for (let seed = 1; seed <= 3; seed += 1) {
      const hash = hashText(name, seed);
      const place = (hash >>> 1) % dimensions;
      vector[place] = (vector[place] as number) + ((hash & 1) === 0 ? value : -value);
    }
  }
  if (vector.every((value) => value === 0)) vector[0] = 1; // no words at all: still a direction
  return vector;
}

/** BM25 squeezed to where a cross-encoder's logits lie, so that a sigmoid tells them apart; nothing shared is clearly low. */
function rerankByTerms(query: string, documents: readonly string[]): number[] {
  return bm25(terms(query), documents.map(terms)).map((score) => 2.5 * score - 5);
}
