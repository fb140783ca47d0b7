import { estimateTokens } from './tokens.ts';

/** Rerank requests: `documents` (Cohere, Jina, vLLM) or `texts` (text-embeddings-inference). */

type Body = Record<string, unknown>;

/** NaN: there is no such list. */
export function countDocuments(body: Body): number {
  return documentsOf(body)?.length ?? Number.NaN;
}

/**
 * Estimated tokens of all pairs: a cross-encoder reads the query again with each document.
 * @param options.maxInputTokens where the model server truncates each pair; default: nowhere
 */
export function countRerankTokens(body: Body, options: { maxInputTokens?: number } = {}): number {
  const documents = documentsOf(body);
  if (!documents || typeof body.query !== 'string') return Number.NaN;
  const query = estimateTokens(body.query);
  const limit = options.maxInputTokens ?? Number.POSITIVE_INFINITY;
  let sum = 0;
  for (const document of documents) sum += Math.min(query + tokensOfDocument(document), limit);
  return sum;
}

function documentsOf(body: Body): readonly unknown[] | undefined {
  const documents = body.documents ?? body.texts;
  return Array.isArray(documents) ? documents : undefined;
}

function tokensOfDocument(document: unknown): number {
  if (typeof document === 'string') return estimateTokens(document);
  const text = (document as { text?: unknown } | null | undefined)?.text;
  return typeof text === 'string' ? estimateTokens(text) : 0;
}
