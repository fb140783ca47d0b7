/**
 * Words and pieces of words, in the manner of BERT's tokenizer: lower case, long words in parts, `[CLS]` and `[SEP]`
 * around. The vocabulary is a hash: every piece has an id, and two pieces may share one.
 */

export interface Token {
  id: number;
  text: string;
  special: boolean;
  /** Byte offsets into the text; null for special tokens. */
  start: number | null;
  stop: number | null;
}

const vocabularySize = 30_522;
const firstPieceId = 1_000;
const longestPiece = 8;

const cls: Token = { id: 101, text: '[CLS]', special: true, start: null, stop: null };
const sep: Token = { id: 102, text: '[SEP]', special: true, start: null, stop: null };

/** Words, single CJK characters and punctuation marks. */
const unit = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu;

export function tokenize(text: string, addSpecialTokens: boolean): Token[] {
  const tokens: Token[] = addSpecialTokens ? [cls] : [];
  let bytes = 0;
  let characters = 0;
  for (const match of text.matchAll(unit)) {
    bytes += Buffer.byteLength(text.slice(characters, match.index));
    characters = match.index;
    const characterList = [...match[0]];
    for (let from = 0; from < characterList.length; from += longestPiece) {
      const piece = characterList.slice(from, from + longestPiece).join('');
      const length = Buffer.byteLength(piece);
      const name = (from > 0 ? '##' : '') + normalizeWord(piece);
      tokens.push({ id: pieceId(name), text: name, special: false, start: bytes, stop: bytes + length });
      bytes += length;
      characters += piece.length;
    }
  }
  if (addSpecialTokens) tokens.push(sep);
  return tokens;
}

/** Number of tokens with special ones, without making them. */
export function countTokens(text: string): number {
  let count = 2;
  for (const [word] of text.matchAll(unit)) count += Math.ceil(word.length / longestPiece);
  return count;
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
