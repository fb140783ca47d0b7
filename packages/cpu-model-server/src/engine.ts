import type { SamplingSettings } from './sampling.ts';

/** What computes. The APIs in front of it know HTTP; an engine knows texts, tokens and numbers. */

/** A text, or the ids that `tokenize` gave for one. */
export type EngineInput = string | readonly number[];

export interface Token {
  id: number;
  text: string;
  special: boolean;
  /** Byte offsets into the text; null for special tokens, and where the tokenizer does not know them. */
  start: number | null;
  stop: number | null;
}

export interface Tokenizer {
  tokenize(text: string, addSpecialTokens: boolean): Token[];
  /** Number of tokens, special ones included. */
  count(input: EngineInput): number;
  /** An input that has more tokens than `limit`, cut to exactly so many. */
  cut(input: EngineInput, limit: number, cutOff: 'right' | 'left'): EngineInput;
}

interface Engine {
  readonly name: string;
  /** One line for logs: what it is and what it is not. */
  readonly description: string;
  /** Tokens that the model can take at once; undefined: any number. */
  readonly mostTokens?: number;
}

type Awaitable<Value> = Value | Promise<Value>;

export interface EmbeddingEngine extends Engine {
  readonly tokenizer: Tokenizer;
  readonly dimensions: number;
  /** How vectors of tokens become one, as text-embeddings-inference names it. */
  readonly pooling: string;
  /** One vector, not normalised. */
  embed(input: EngineInput): Awaitable<Float32Array>;
  /** One vector per token, special ones included. */
  embedAll(input: EngineInput): Awaitable<Float32Array[]>;
}

export interface RerankEngine extends Engine {
  readonly tokenizer: Tokenizer;
  /** Tokens of both together, special ones included. */
  countPair(query: string, document: string): number;
  /** One raw score per document, in their order: any real number, higher is better. Pairs are cut to `limit` tokens. */
  rerank(query: string, documents: readonly string[], limit: number): Awaitable<number[]>;
}

/** The one model of a process that speaks as text-embeddings-inference. */
export type TeiModel = { kind: 'embedding'; engine: EmbeddingEngine } | { kind: 'reranker'; engine: RerankEngine };

export interface ChatMessage {
  role: string;
  content: string;
}

/** What a completion is asked to be. Ranges are checked before. */
export interface CompletionSettings extends SamplingSettings {
  /** Which of several answers to the same prompt: 0, 1, … */
  sample: number;
  seed: number | undefined;
  maxTokens: number;
  /** The end is not chosen before so many tokens. */
  minTokens: number;
  /** The end is never chosen. */
  ignoreEnd: boolean;
}

export interface CompletionToken {
  id: number;
  /** What it adds to the text; may be empty. */
  text: string;
  /** The model's own end of the text; it counts as a token, and nothing follows. */
  isEnd: boolean;
}

export interface CompletionEngine extends Engine {
  /** As the log of a server names it. */
  readonly architecture: string;
  /** Of the model; for what a request leaves open. */
  readonly samplingDefaults: Partial<SamplingSettings>;
  encode(text: string, addSpecialTokens: boolean): number[];
  /** The texts of tokens, one each, for showing; joined they need not be `decode`. */
  tokenTexts(ids: readonly number[]): string[];
  decode(ids: readonly number[]): string;
  hasToken(id: number): boolean;
  /** The conversation as one prompt, up to where the assistant's answer begins; undefined: the model is none for conversations. */
  renderChat(messages: readonly ChatMessage[]): string | undefined;
  /** At most `maxTokens` tokens. Ends early when the signal aborts: it may throw or not. */
  complete(prompt: readonly number[], settings: CompletionSettings, signal: AbortSignal): AsyncIterable<CompletionToken>;
}
