import { estimateTokens, type TokenizerFamily } from './tokens.ts';

/** Reading what strangers send: nothing here throws, and nothing trusts a shape. */

export interface TokenOptions {
  /** Default: nowhere. */
  maxInputTokens?: number | undefined;
  /** Default: o200k. */
  family?: TokenizerFamily | undefined;
}

type Body = Readonly<Record<string, unknown>>;

/** undefined: not a JSON object, so there is nothing to measure. */
export function asBody(data: unknown): Body | undefined {
  return data !== null && typeof data === 'object' && !Array.isArray(data) ? (data as Body) : undefined;
}

/**
 * The items of a list that may also be one item. Numbers are token ids, and all that stand bare in the list are one item;
 * each text, list or object is one more. (The model servers refuse a list that mixes bare ids with texts.)
 */
export function itemsOf(list: readonly unknown[]): readonly unknown[] {
  let ids = 0;
  for (const element of list) if (typeof element === 'number') ids += 1;
  if (ids === 0) return list;
  if (ids === list.length) return [list];
  return [...list.filter((element) => typeof element !== 'number'), list.filter((element) => typeof element === 'number')];
}

/**
 * Tokens of one item: a text, token ids (counted exactly), a pair of texts, or content as chat and rerank APIs write it,
 * `{ text }` or `{ content }`, alone or as a list of parts. What is no text (images, sound) counts 0.
 */
export function tokensOf(item: unknown, family?: TokenizerFamily): number {
  if (typeof item === 'string') return estimateTokens(item, family);
  return Array.isArray(item) ? sum(item, (part) => tokensOfPart(part, family)) : tokensOfPart(item, family);
}

/** A part of an item. Looks one level into `content`, and no deeper. */
function tokensOfPart(part: unknown, family: TokenizerFamily | undefined): number {
  if (typeof part === 'number') return 1; // a token id
  if (typeof part === 'string') return estimateTokens(part, family);
  const { text, content } = asBody(part) ?? {};
  const tokensOfText = (value: unknown) => (typeof value === 'string' ? estimateTokens(value, family) : 0);
  const tokensOfTextPart = (inner: unknown) => tokensOfText(typeof inner === 'string' ? inner : asBody(inner)?.text);
  return tokensOfText(text) + (Array.isArray(content) ? sum(content, tokensOfTextPart) : tokensOfText(content));
}

export function sum(items: readonly unknown[], measure: (item: unknown) => number): number {
  let total = 0;
  for (const item of items) total += measure(item);
  return total;
}

/**
 * The larger of what two spellings of one field say. A body that has both must cost at least what the model server will
 * do, and which of the two it reads is not ours to guess. NaN where neither says anything.
 */
export function larger(first: number, second: number): number {
  if (Number.isNaN(first)) return second;
  return Number.isNaN(second) ? first : Math.max(first, second);
}

/** Where the model server cuts each input; anything but a positive number means nowhere. */
export const cutAt = (maxInputTokens: number | undefined) => positive(maxInputTokens) ?? Number.POSITIVE_INFINITY;

export const positive = (value: unknown) =>
  typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
