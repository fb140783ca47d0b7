import type { Token, Tokenizer } from './engine.ts';

/**
 * Words and pieces of words, in the manner of BERT's tokenizer: lower case, long words in parts, `[CLS]` and `[SEP]`
 * around. The vocabulary is a hash: every piece has an id, and two pieces may share one.
 */

const vocabularySize = 30_522;
const firstPieceId = 1_000;
const longestPiece = 8;

const cls: Token = { id: 101, text: '[CLS]', special: true, start: null, stop: null };
const sep: Token = { id: 102, text: '[SEP]', special: true, start: null, stop: null };

/** Single CJK characters, words and punctuation marks. No word has a CJK character in it, so a cut text keeps its tokens. */
const unit =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[[\p{L}\p{M}\p{N}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]]+|[^\s\p{L}\p{M}\p{N}]/gv;

export function tokenize(text: string, addSpecialTokens: boolean): Token[] {
  const tokens: Token[] = addSpecialTokens ? [cls] : [];
  let bytes = 0;
  let read = 0;
  for (const { piece, index, isContinuation } of pieces(text)) {
    bytes += Buffer.byteLength(text.slice(read, index));
    const start = bytes;
    bytes += Buffer.byteLength(piece);
    read = index + piece.length;
    const name = (isContinuation ? '##' : '') + normalizeWord(piece);
    tokens.push({ id: pieceId(name), text: name, special: false, start, stop: bytes });
  }
  if (addSpecialTokens) tokens.push(sep);
  return tokens;
}

/** Number of tokens with special ones, without making them. */
export function countTokens(text: string): number {
  let count = 2;
  for (const _ of pieces(text)) count += 1;
  return count;
}

/** Code points, as text-embeddings-inference counts characters. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The first (`right` is cut off) or last tokens of a text that has more than `limit`, as a text with exactly `limit`. */
export function cutText(text: string, limit: number, cutOff: 'right' | 'left'): string {
  const tokens = tokenize(text, false);
  const room = limit - 2; // [CLS] and [SEP]
  const bytes = Buffer.from(text);
  if (cutOff === 'right') return bytes.subarray(0, tokens[room - 1]?.stop ?? bytes.length).toString();
  return bytes.subarray(tokens[tokens.length - room]?.start ?? 0).toString();
}

/** Where tokens begin and end: the one place that decides it. Lengths are code points, positions are UTF-16 units. */
function* pieces(text: string): Generator<{ piece: string; index: number; isContinuation: boolean }> {
  for (const { 0: word, index: start } of text.matchAll(unit)) {
    const characters = [...word];
    let index = start;
    for (let from = 0; from < characters.length; from += longestPiece) {
      const piece = characters.slice(from, from + longestPiece).join('');
      yield { piece, index, isContinuation: from > 0 };
      index += piece.length;
    }
  }
}

/** Lower case, compatibility forms joined, accents off. */
export const normalizeWord = (word: string): string =>
  word
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase();

const pieceId = (piece: string) => firstPieceId + (hashText(piece, 0) % (vocabularySize - firstPieceId));

/** FNV-1a over UTF-16 units, finished so that near texts land far apart. The same everywhere. */
export function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export const lexicalTokenizer: Tokenizer = {
  tokenize,
  count: (input) => (typeof input === 'string' ? countTokens(input) : input.length),
  cut(input, limit, cutOff) {
    if (typeof input === 'string') return cutText(input, limit, cutOff);
    return cutOff === 'right' ? input.slice(0, limit) : input.slice(-limit);
  },
};
