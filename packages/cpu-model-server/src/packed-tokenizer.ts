/**
 * A tokenizer that can be turned round without a vocabulary: text is cut into words and parts of words of at most six bytes of UTF-8,
 * and the id of a piece is its bytes, read as a number. English has about four characters a token, as with real vocabularies.
 */

/** Marks of a conversation: one token each, known by their text. */
const specialTexts = ['<|end|>', '<|system|>', '<|developer|>', '<|user|>', '<|assistant|>', '<|tool|>'] as const;
export type SpecialText = (typeof specialTexts)[number];

export const endId = 0;
const longestPiece = 6; // 256^6 is well inside the integers that JavaScript and JSON can tell apart
/** First id of the pieces of so many bytes; the last entry is past all ids. */
const firstIds = [16, 16 + 256];
for (let bytes = 2; bytes <= longestPiece; bytes += 1) firstIds.push((firstIds[bytes - 1] as number) + 256 ** bytes);

const special = new RegExp(`(${specialTexts.map((text) => text.replaceAll('|', '\\|')).join('|')})`);
const unit = / ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+/gu;

/** Lone halves of surrogate pairs become U+FFFD; apart from that `decode` gives the text back. */
export function encode(text: string): number[] {
  return text
    .toWellFormed()
    .split(special)
    .flatMap((part) => {
      const id = specialTexts.indexOf(part as SpecialText);
      return id === -1 ? pieces(part).map(pieceId) : [id];
    });
}

/** @throws RangeError for an id that `isId` refuses */
export function decode(ids: readonly number[]): string {
  return Buffer.concat(ids.map(bytesOf)).toString();
}

export function isId(id: number): boolean {
  const isSpecial = id >= 0 && id < specialTexts.length;
  return Number.isInteger(id) && (isSpecial || (id >= (firstIds[0] as number) && id < (firstIds[longestPiece] as number)));
}

function pieces(text: string): Buffer[] {
  return [...text.matchAll(unit)].flatMap(([word]) => {
    const cut: Buffer[] = [];
    let from = 0;
    const bytes = Buffer.from(word);
    while (from < bytes.length) {
      let to = Math.min(from + longestPiece, bytes.length);
      while (to < bytes.length && isInsideCharacter(bytes[to] as number)) to -= 1;
      cut.push(bytes.subarray(from, to));
      from = to;
    }
    return cut;
  });
}

const isInsideCharacter = (byte: number) => (byte & 0b1100_0000) === 0b1000_0000;

const pieceId = (bytes: Buffer) => (firstIds[bytes.length - 1] as number) + bytes.readUIntBE(0, bytes.length);

function bytesOf(id: number): Buffer {
  if (!isId(id)) throw new RangeError(`${id} is no token`);
  const specialText = specialTexts[id];
  if (specialText) return Buffer.from(specialText);
  const length = firstIds.findIndex((first, index) => id >= first && id < (firstIds[index + 1] as number)) + 1;
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(id - (firstIds[length - 1] as number), 0, length);
  return bytes;
}
