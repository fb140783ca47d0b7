export type { Engine, EngineInput } from './engine.ts';
export { createLexicalEngine } from './lexical-engine.ts';
export { type ModelServerOptions, OptionsError } from './options.ts';
export { type ModelServer, StartError, type Surroundings, startModelServer } from './start-model-server.ts';
