import { asBody, cutAt, larger, sum, type TokenOptions, tokensOf } from './body.ts';

/**
 * Rerank requests: `documents` (Cohere, Jina, vLLM) or `texts` (text-embeddings-inference). NaN: the body has neither
 * list, or (for tokens) no query; the worker then takes its default workload.
 */

/** Number of documents; 0 for an empty list, in which there is nothing to rank. */
export function countDocuments(data: unknown): number {
  return measureDocuments(data, (documents) => documents.length);
}

/**
 * Estimated tokens of all pairs: a cross-encoder reads the query again with each document.
 * @param options.family how the model's tokenizer cuts; see `tokenizerFamilyOf`
 * @param options.maxInputTokens where the model server truncates each pair; default: nowhere
 */
export function countRerankTokens(data: unknown, options: TokenOptions = {}): number {
  const query = asBody(data)?.query;
  if (typeof query !== 'string' && !asBody(query)) return Number.NaN;
  const queryTokens = tokensOf(query, options.family);
  const limit = cutAt(options.maxInputTokens);
  return measureDocuments(data, (documents) =>
    sum(documents, (document) => Math.min(queryTokens + tokensOf(document, options.family), limit)),
  );
}

function measureDocuments(data: unknown, measure: (documents: readonly unknown[]) => number): number {
  const body = asBody(data);
  const measured = (documents: unknown) => (Array.isArray(documents) ? measure(documents) : Number.NaN);
  return larger(measured(body?.documents), measured(body?.texts));
}
