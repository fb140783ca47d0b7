/** What computes. The APIs in front of it know HTTP; an engine knows texts and numbers. */

/** A text, or the ids that `tokenize` gave for one. */
export type EngineInput = string | readonly number[];

export interface Engine {
  readonly name: string;
  /** One line for logs: what it is and what it is not. */
  readonly description: string;
  readonly dimensions: number;
  /** One vector, not normalised. */
  embed(input: EngineInput): Float32Array;
  /** One vector per token, special ones included. */
  embedAll(input: EngineInput): Float32Array[];
  /** One raw score per document, in their order: any real number, higher is better. */
  rerank(query: string, documents: readonly string[]): number[];
}
