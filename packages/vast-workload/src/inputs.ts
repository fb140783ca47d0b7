import { asBody, cutAt, itemsOf, larger, sum, type TokenOptions, tokensOf } from './body.ts';

/**
 * Embedding and classification requests: `input` (OpenAI) or `inputs` (text-embeddings-inference), in every shape the
 * APIs accept. NaN: the body has neither, or something else in its place; the worker then takes its default workload.
 */

/**
 * Number of inputs. A text is one and so is a flat list of token ids; another list counts its elements (texts, lists of
 * ids, pairs); a similarity request counts its sentences and the source. An empty list is 0: there is nothing to
 * compute, and the model server refuses it at once. `/predict` reads a flat list of two texts as one pair; the body does
 * not tell, so it counts 2.
 */
export function countInputs(data: unknown): number {
  return measureInputs(data, (items) => items.length);
}

/**
 * Estimated tokens of all inputs; token ids count exactly.
 * @param options.family how the model's tokenizer cuts; see `tokenizerFamilyOf`
 * @param options.maxInputTokens where the model server truncates each input; default: nowhere
 */
export function countInputTokens(data: unknown, options: TokenOptions = {}): number {
  const limit = cutAt(options.maxInputTokens);
  return measureInputs(data, (items) => sum(items, (item) => Math.min(tokensOf(item, options.family), limit)));
}

function measureInputs(data: unknown, measure: (items: readonly unknown[]) => number): number {
  const body = asBody(data);
  const measured = (inputs: unknown) => {
    const items = inputItems(inputs);
    return items ? measure(items) : Number.NaN;
  };
  return larger(measured(body?.input), measured(body?.inputs));
}

function inputItems(inputs: unknown): readonly unknown[] | undefined {
  if (typeof inputs === 'string') return [inputs];
  if (Array.isArray(inputs)) return itemsOf(inputs);
  const { source_sentence: source, sentences } = asBody(inputs) ?? {};
  return typeof source === 'string' && Array.isArray(sentences) ? [source, ...(sentences as unknown[])] : undefined;
}
