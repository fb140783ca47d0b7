import { estimateTokens } from './tokens.ts';

/** Completion and chat requests. */

type Body = Record<string, unknown>;

/** What Vast's users expect: exactly `max_tokens || 256`. */
export function maxTokensOr256(body: Body): number {
  return typeof body.max_tokens === 'number' && body.max_tokens !== 0 ? body.max_tokens : 256;
}

/**
 * Tokens that may be generated: `max_completion_tokens`, else `max_tokens`, else `fallback`; for each prompt of a list
 * and each of `n` (or `best_of`, when larger) answers.
 */
export function completionTokens(body: Body, fallback = 256): number {
  const perAnswer = positive(body.max_completion_tokens) ?? positive(body.max_tokens) ?? fallback;
  const answers = Math.max(positive(body.n) ?? 1, positive(body.best_of) ?? 1);
  return perAnswer * answers * promptCount(body);
}

/** Estimated tokens of the prompt or of the messages' texts; token ids count exactly. NaN: there is neither. */
export function promptTokens(body: Body): number {
  if (typeof body.prompt === 'string') return estimateTokens(body.prompt);
  if (Array.isArray(body.prompt)) return sum(promptItems(body.prompt), tokensOfPrompt);
  if (Array.isArray(body.messages)) return sum(body.messages, tokensOfMessage);
  return Number.NaN;
}

function promptCount(body: Body): number {
  return Array.isArray(body.prompt) ? Math.max(promptItems(body.prompt).length, 1) : 1;
}

/** A flat list of numbers is one prompt, given as token ids. */
const promptItems = (prompt: readonly unknown[]): readonly unknown[] => (typeof prompt[0] === 'number' ? [prompt] : prompt);

function tokensOfPrompt(prompt: unknown): number {
  if (typeof prompt === 'string') return estimateTokens(prompt);
  return Array.isArray(prompt) ? prompt.length : 0;
}

/** The content of a message is a text or a list of parts, some of which hold text. */
function tokensOfMessage(message: unknown): number {
  const content = (message as { content?: unknown } | null | undefined)?.content;
  if (typeof content === 'string') return estimateTokens(content);
  return Array.isArray(content) ? sum(content, tokensOfPart) : 0;
}

function tokensOfPart(part: unknown): number {
  const text = (part as { text?: unknown } | null | undefined)?.text;
  return typeof text === 'string' ? estimateTokens(text) : 0;
}

const sum = (items: readonly unknown[], measure: (item: unknown) => number) =>
  items.reduce<number>((total, item) => total + measure(item), 0);

const positive = (value: unknown) => (typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : undefined);
