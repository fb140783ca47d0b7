/**
 * Looks for stop strings in a text that comes in parts. As vLLM does, it holds back as many characters as the longest stop string has,
 * less one, so that nobody sees the beginning of one.
 */
export class StopStrings {
  readonly #stops: readonly string[];
  readonly #isIncluded: boolean;
  readonly #heldBack: number;
  #pending = '';

  /** @param isIncluded the stop string itself stays in the text */
  constructor(stops: readonly string[], isIncluded: boolean) {
    this.#stops = stops;
    this.#isIncluded = isIncluded;
    this.#heldBack = Math.max(0, ...stops.map((stop) => stop.length - 1));
  }

  /** @returns what may be shown now, and the stop string that was met, if one was: then it is all there will be */
  feed(text: string): { text: string; stop?: string } {
    this.#pending += text;
    const [stop, index] = this.#first();
    if (stop === undefined) return { text: this.#take(this.#pending.length - this.#heldBack) };
    return { text: this.#pending.slice(0, index + (this.#isIncluded ? stop.length : 0)), stop };
  }

  /** Takes text that is not searched: it comes before the shortest length asked for. */
  pass(text: string): string {
    return this.#take(this.#pending.length) + text;
  }

  /** What was held back, at the end. */
  rest(): string {
    return this.#take(this.#pending.length);
  }

  #first(): [string, number] | [undefined, number] {
    const found = this.#stops.map((stop) => [stop, this.#pending.indexOf(stop)] as [string, number]).filter(([, index]) => index !== -1);
    return found.sort(([, left], [, right]) => left - right)[0] ?? [undefined, -1];
  }

  #take(length: number): string {
    const isInsidePair = /^[\ud800-\udbff][\udc00-\udfff]/.test(this.#pending.slice(length - 1, length + 1));
    const end = Math.max(0, isInsidePair ? length - 1 : length);
    const taken = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end);
    return taken;
  }
}
