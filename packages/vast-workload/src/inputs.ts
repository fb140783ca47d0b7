import { estimateTokens } from './tokens.ts';

/** Embedding requests: `input` (OpenAI) or `inputs` (text-embeddings-inference) in every shape the APIs accept. */

type Body = Record<string, unknown>;

/**
 * Number of inputs: a text is one, a flat list of token ids is one, a list counts its elements (texts, token lists,
 * pairs). A similarity request counts its sentences and the source. An empty list is 0 items. NaN: not such a body.
 */
export function countInputs(body: Body): number {
  const inputs = inputsOf(body);
  if (typeof inputs === 'string') return 1;
  if (Array.isArray(inputs)) return isTokenIds(inputs) ? 1 : inputs.length;
  const similarity = similarityOf(inputs);
  return similarity ? similarity.length : Number.NaN;
}

/**
 * Estimated tokens of all inputs; token ids count exactly.
 * @param options.maxInputTokens where the model server truncates each input; default: nowhere
 */
export function countInputTokens(body: Body, options: { maxInputTokens?: number } = {}): number {
  const limit = options.maxInputTokens ?? Number.POSITIVE_INFINITY;
  const inputs = inputsOf(body);
  const items =
    typeof inputs === 'string' ? [inputs] : Array.isArray(inputs) ? (isTokenIds(inputs) ? [inputs] : inputs) : similarityOf(inputs);
  if (!items) return Number.NaN;
  let sum = 0;
  for (const item of items) sum += Math.min(tokensOf(item), limit);
  return sum;
}

const inputsOf = (body: Body): unknown => body.input ?? body.inputs;

/** A flat list of numbers is one input, given as token ids. */
const isTokenIds = (list: readonly unknown[]) => typeof list[0] === 'number';

/** `{ source_sentence, sentences }` → all of them. */
function similarityOf(inputs: unknown): unknown[] | undefined {
  if (inputs === null || typeof inputs !== 'object') return undefined;
  const { source_sentence: source, sentences } = inputs as Body;
  return typeof source === 'string' && Array.isArray(sentences) ? [source, ...(sentences as unknown[])] : undefined;
}

/** A text, a list of token ids, or a pair of texts. */
function tokensOf(item: unknown): number {
  if (typeof item === 'string') return estimateTokens(item);
  if (!Array.isArray(item)) return 0;
  if (isTokenIds(item)) return item.length;
  return item.reduce<number>((sum, part) => sum + tokensOfText(part), 0);
}

const tokensOfText = (part: unknown) => (typeof part === 'string' ? estimateTokens(part) : 0);
