import type { CompletionEngine, TeiModel } from './engine.ts';
import { createLexicalCompletionEngine } from './lexical-completion.ts';
import { createLexicalEngine } from './lexical-engine.ts';
import { loadOnnxCompletion } from './onnx-completion.ts';
import { loadOnnxEmbedding } from './onnx-embedding.ts';
import type { Loading, ModelSource } from './onnx-load.ts';
import { loadOnnxReranker } from './onnx-reranker.ts';
import type { ModelServerOptions } from './options.ts';

/** The engine that the options ask for. @throws ModelError, OptionsError, AbortError */

export async function loadTeiModel(options: ModelServerOptions, loading: Loading): Promise<TeiModel> {
  const { modelKind, dimensions, pooling } = options;
  if (options.engine === 'lexical') {
    const engine = createLexicalEngine(dimensions);
    return modelKind === 'reranker' ? { kind: 'reranker', engine } : { kind: 'embedding', engine };
  }
  if (modelKind === 'reranker') return { kind: 'reranker', engine: await loadOnnxReranker(sourceOf(options), loading) };
  return { kind: 'embedding', engine: await loadOnnxEmbedding(sourceOf(options), pooling, loading) };
}

export async function loadCompletionEngine(options: ModelServerOptions, loading: Loading): Promise<CompletionEngine> {
  return options.engine === 'lexical' ? createLexicalCompletionEngine() : loadOnnxCompletion(sourceOf(options), loading);
}

/** The same, with what the model can do as the limit, and named after the model. */
export function fitted(options: ModelServerOptions, { mostTokens = Infinity }: { mostTokens?: number }): ModelServerOptions {
  return {
    ...options,
    maxInputLength: Math.min(options.maxInputLength, mostTokens),
    maxModelLen: Math.min(options.maxModelLen, mostTokens),
  };
}

function sourceOf({ modelId, hubUrl, modelCache, dtype }: ModelServerOptions): ModelSource {
  return { model: modelId as string, hubUrl, cacheDir: modelCache, dtype };
}
