import type { TeiModel } from './engine.ts';
import { createLexicalEngine } from './lexical-engine.ts';
import type { ModelServerOptions } from './options.ts';

/** The engine that the options ask for. */
export async function loadTeiModel({ modelKind, dimensions }: ModelServerOptions): Promise<TeiModel> {
  const engine = createLexicalEngine(dimensions);
  return modelKind === 'reranker' ? { kind: 'reranker', engine } : { kind: 'embedding', engine };
}
