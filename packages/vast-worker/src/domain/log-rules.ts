import type { LogRules } from './log-lines.ts';

/** What the usual model servers write, for `logActionConfig`. */

/**
 * text-embeddings-inference, plain or JSON. A bare `Ready` is not enough: older versions write customers' texts into their
 * lines. Out of memory is fatal only before ready, and one of the error lines follows it then.
 */
export const teiLogRules = {
  onLoad: [/(http|grpc)::server: .*: Ready$/, /^\{.*"message":"Ready"/],
  onError: [/^Error: /, /panicked at/, /Could not start \w+ backend/],
  onInfo: ['Starting download', 'Model artifacts downloaded', 'Starting model backend', 'Model weights downloaded', 'Warming up model'],
} satisfies LogRules;

/** vLLM's V1 engine. `ERROR` lines of single requests are not fatal, and not here. */
export const vllmLogRules = {
  onLoad: [/Application startup complete\./],
  onError: [
    /EngineCore failed to start/,
    /Engine core initialization failed/,
    /EngineCore encountered a fatal error/,
    /EngineDeadError/,
    /engine core exited unexpectedly/,
  ],
  onInfo: ['Resolved architecture', 'Loading weights took', 'torch.compile took', 'GPU KV cache size', 'Graph capturing finished'],
} satisfies LogRules;
