import { asBody, itemsOf, larger, positive, sum, type TokenOptions, tokensOf } from './body.ts';
import type { TokenizerFamily } from './tokens.ts';

/** Completion and chat requests. NaN: this is no such body; the worker then takes its default workload. */

/**
 * What Vast's users expect: exactly `max_tokens || 256`. NaN where that is no number to count with (negative, infinite,
 * a text): the reference's worker takes its default workload for those, and so does ours.
 */
export function maxTokensOr256(data: unknown): number {
  const body = asBody(data);
  if (!body) return Number.NaN;
  return body.max_tokens ? (positive(body.max_tokens) ?? Number.NaN) : 256;
}

/**
 * Tokens that may be generated: what one answer may have, or `fallback` when the body does not say, for each prompt of a
 * list and each of `n` (or `best_of`, when larger) answers. At most 2^53 - 1.
 */
export function completionTokens(data: unknown, fallback = 256): number {
  const body = asBody(data);
  if (!body) return Number.NaN;
  const answers = Math.max(1, positive(body.n) ?? 1, positive(body.best_of) ?? 1);
  const prompts = Math.max(1, Array.isArray(body.prompt) ? itemsOf(body.prompt).length : 1);
  return Math.min(tokensPerAnswer(body, fallback) * answers * prompts, Number.MAX_SAFE_INTEGER);
}

/**
 * vLLM reads `max_completion_tokens` on chat only, where it wins over `max_tokens`; completions ignore it. Which of the
 * two a body is for is told by `messages` and `prompt`; with both or neither the larger counts.
 */
function tokensPerAnswer(body: Record<string, unknown>, fallback: number): number {
  const ofCompletion = positive(body.max_tokens) ?? fallback;
  const ofChat = positive(body.max_completion_tokens) ?? ofCompletion;
  const [isChat, isCompletion] = [body.messages !== undefined, body.prompt !== undefined];
  if (isChat === isCompletion) return Math.max(ofChat, ofCompletion);
  return isChat ? ofChat : ofCompletion;
}

/** Estimated tokens of `prompt` (token ids count exactly) or of the texts in `messages`; images and sound count 0. */
export function promptTokens(data: unknown, { family }: Pick<TokenOptions, 'family'> = {}): number {
  const body = asBody(data);
  return larger(tokensOfPrompt(body?.prompt, family), tokensOfMessages(body?.messages, family));
}

function tokensOfPrompt(prompt: unknown, family: TokenizerFamily | undefined): number {
  if (typeof prompt === 'string') return tokensOf(prompt, family);
  return Array.isArray(prompt) ? sum(itemsOf(prompt), (item) => tokensOf(item, family)) : Number.NaN;
}

/** The content of a message is a text or a list of parts, some of which hold text. */
const tokensOfMessages = (messages: unknown, family: TokenizerFamily | undefined) =>
  Array.isArray(messages) ? sum(messages, (message) => tokensOf(message, family)) : Number.NaN;
