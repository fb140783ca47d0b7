export type {
  ChatMessage,
  CompletionEngine,
  CompletionSettings,
  CompletionToken,
  EmbeddingEngine,
  EngineInput,
  RerankEngine,
} from './engine.ts';
export { createLexicalCompletionEngine } from './lexical-completion.ts';
export { createLexicalEngine } from './lexical-engine.ts';
export { type Dialect, type ModelKind, type ModelServerOptions, OptionsError } from './options.ts';
export { type ModelServer, StartError, type Surroundings } from './server.ts';
export { startModelServer } from './start-model-server.ts';
