import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backend, Permits } from './backend.ts';
import { createLexicalEngine } from './lexical-engine.ts';
import { type ModelServerOptions, readOptions } from './options.ts';
import { cpuBatchRequests, type TeiDeps } from './tei-api.ts';
import { createTeiLog, sources } from './tei-log.ts';
import { createTeiMetrics } from './tei-metrics.ts';
import { createTeiServer } from './tei-server.ts';
import { Trouble } from './trouble.ts';
import { version } from './version.ts';

export interface ModelServer {
  url: string;
  port: number;
  /** Stops accepting, finishes what is in flight, and resolves. */
  stop(): Promise<void>;
}

export interface Surroundings {
  /** Default: standard output. */
  write?: (text: string) => void;
  /** Default true: ANSI colours, as TEI writes them even into a pipe. */
  color?: boolean;
  /** Ends the loading early. */
  signal?: AbortSignal;
}

/** A start that fails as text-embeddings-inference's does: a text on stderr, exit code 1. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Loads, then listens: until the promise resolves connections are refused. @throws StartError */
export async function startModelServer(given: Partial<ModelServerOptions> = {}, surroundings: Surroundings = {}): Promise<ModelServer> {
  const options: ModelServerOptions = { ...(readOptions([], {}) as ModelServerOptions), ...given };
  const log = createTeiLog({
    json: options.jsonOutput,
    color: surroundings.color ?? true,
    file: options.logFile,
    write: surroundings.write ?? ((text) => process.stdout.write(text)),
  });
  log('INFO', sources.main, `Args { ${argsText(options)} }`);
  if (options.crashOnStart) throw new StartError('Could not create backend\n\nCaused by:\n    failing on purpose (--crash-on-start)');
  log('INFO', sources.maxTokens, `Maximum number of tokens per request: ${options.maxInputLength}`);
  log('INFO', sources.tokenization, 'Starting 1 tokenization workers');
  log('INFO', sources.startBackend, 'Starting model backend');
  if (options.startupDelayMs > 0)
    await sleep(options.startupDelayMs, undefined, surroundings.signal ? { signal: surroundings.signal } : {});
  if (options.oom === 'at-load') {
    const reason = 'DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")';
    log('ERROR', sources.backend, `Could not start Candle backend: Could not start backend: ${reason}`);
    throw new StartError('Could not create backend\n\nCaused by:\n    Could not start backend: Could not start a suitable backend');
  }
  const engine = createLexicalEngine(options.dimensions);
  log('INFO', sources.engine, `Starting Lexical model on Cpu (${engine.description})`);
  log('INFO', sources.warmUp, 'Warming up model');
  engine.embed('warm up');
  log('WARN', sources.batchSize, `Backend does not support a batch size > ${cpuBatchRequests}`);
  log('WARN', sources.forcedBatch, `forcing \`max_batch_requests=${cpuBatchRequests}\``);

  const trouble = new Trouble(options);
  const metrics = createTeiMetrics();
  const backend = new Backend({ ...options, maxBatchRequests: cpuBatchRequests }, trouble);
  backend.onBatch = ({ size, tokens }) => {
    metrics.observe('te_batch_next_size', size);
    metrics.observe('te_batch_next_tokens', tokens);
  };
  backend.onDropped = () => metrics.count('te_request_failure', { err: 'dropped' });
  const deps: TeiDeps = { options, engine, backend, permits: new Permits(options.maxConcurrentRequests), metrics, log, version };
  const server = createTeiServer(deps, trouble);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new StartError(bindProblem(error, options))));
    server.listen(options.port, options.hostname, resolve);
  });
  const { port } = server.address() as AddressInfo;
  log('INFO', sources.starting, `Starting HTTP server: ${options.hostname}:${port}`);
  log('INFO', sources.ready, 'Ready');
  return {
    url: `http://${options.hostname}:${port}`,
    port,
    async stop() {
      log('INFO', sources.shutdown, 'signal received, starting graceful shutdown');
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const closeIdle = setInterval(() => server.closeIdleConnections(), 20); // also those that become idle only now
      await closed;
      clearInterval(closeIdle);
    },
  };
}

function bindProblem(error: NodeJS.ErrnoException, { hostname, port }: ModelServerOptions): string {
  const hint = error.code === 'EADDRINUSE' ? `\n\nPort ${port} is taken: choose another with --port or PORT.` : '';
  return `Could not bind TCP Listener on ${hostname}:${port}\n\nCaused by:\n    ${error.message}${hint}`;
}

/** Masks nothing that is secret into the log: keys are left out. */
function argsText(options: ModelServerOptions): string {
  const { apiKey: _apiKey, ...shown } = options;
  const pairs = Object.entries({ ...shown, cores: availableParallelism() }).filter(([, value]) => value !== undefined);
  return pairs.map(([name, value]) => `${snakeCase(name)}: ${JSON.stringify(value)}`).join(', ');
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
