/** BERT's tokenizer, uncased, for calibration: exact, and too slow for anything else. */
export class WordPiece {
  readonly #vocabulary: ReadonlySet<string>;

  /** @param vocabulary `vocab.txt`, a piece a line */
  constructor(vocabulary: string) {
    this.#vocabulary = new Set(vocabulary.split('\n'));
  }

  /** Without the two special tokens. */
  count(text: string): number {
    const plain = text
      .toLowerCase()
      .normalize('NFD')
      .replaceAll(/\p{Mn}/gu, '');
    const words = plain.match(/[\p{Script=Han}]|[^\s\p{P}\p{S}\p{Script=Han}]+|[\p{P}\p{S}]/gu) ?? [];
    return words.reduce((sum, word) => sum + this.#pieces(word), 0);
  }

  #pieces(word: string): number {
    const characters = [...word];
    if (characters.length > 100) return 1;
    let pieces = 0;
    for (let start = 0; start < characters.length; ) {
      let end = characters.length;
      while (end > start && !this.#vocabulary.has((start > 0 ? '##' : '') + characters.slice(start, end).join(''))) end -= 1;
      if (end === start) return 1; // [UNK] stands for the whole word
      pieces += 1;
      start = end;
    }
    return pieces;
  }
}
