export type { CallModelInit } from './adapters/model-server-client.ts';
export type { ModelServerInstance } from './adapters/model-server-identity.ts';
export { teiLogRules, vllmLogRules } from './domain/log-rules.ts';
export { ConfigError, type ConfigProblem, type ErrorCode, WorkerError } from './errors.ts';
export { createVastWorker, type VastWorker, type VastWorkerOptions } from './vast-worker.ts';
export { LogActionConfig, loadConfig, type ResolvedConfig, WorkerConfig } from './worker/config.ts';
export { FitnessError } from './worker/fitness.ts';
export {
  BenchmarkConfig,
  type CallModel,
  defineHandler,
  HandlerConfig,
  type Payload,
  type Respond,
  type RespondInput,
} from './worker/handler-config.ts';
