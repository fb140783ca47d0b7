/** Text of tokens as they come: a character whose bytes are in several tokens comes with the last of them. */
export class IncrementalText {
  readonly #decode: (ids: number[]) => string;
  readonly #ids: number[] = [];
  /** Tokens before this one are settled; those from here on are decoded again, since spaces depend on their neighbours. */
  #from = 0;
  /** Tokens before this one have been shown. */
  #shown = 0;

  constructor(decode: (ids: number[]) => string) {
    this.#decode = decode;
  }

  /** @returns what it adds to the text */
  push(id: number): string {
    this.#ids.push(id);
    const added = this.#added();
    if (added.endsWith('\ufffd')) return ''; // perhaps the rest of the character follows
    if (added !== '') this.#settle();
    return added;
  }

  /** What was held back, at the end. */
  rest(): string {
    const added = this.#added();
    this.#settle();
    return added;
  }

  #added(): string {
    const before = this.#text(this.#ids.slice(this.#from, this.#shown));
    return this.#text(this.#ids.slice(this.#from)).slice(before.length);
  }

  #settle(): void {
    this.#from = this.#shown;
    this.#shown = this.#ids.length;
  }

  #text = (ids: number[]) => (ids.length === 0 ? '' : this.#decode(ids));
}
