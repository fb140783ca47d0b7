import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backend, Permits } from './backend.ts';
import type { TeiModel } from './engine.ts';
import { fitted, loadTeiModel } from './load-engine.ts';
import type { ModelServerOptions } from './options.ts';
import { bindProblem, ModelError, type ModelServer, StartError, type Surroundings } from './server.ts';
import { cpuBatchRequests, type TeiDeps } from './tei-api.ts';
import { createTeiLog, rustDuration, sources, type TeiLog } from './tei-log.ts';
import { createTeiMetrics } from './tei-metrics.ts';
import { createTeiServer } from './tei-server.ts';
import { Trouble } from './trouble.ts';
import { version } from './version.ts';

/** Starts as text-embeddings-inference does. @throws StartError, OptionsError, AbortError */
export async function startTei(given: ModelServerOptions, surroundings: Surroundings): Promise<ModelServer> {
  const log = createTeiLog({
    json: given.jsonOutput,
    color: surroundings.color ?? true,
    file: given.logFile,
    write: surroundings.write ?? ((text) => process.stdout.write(text)),
  });
  log('INFO', sources.main, `Args { ${argsText(given)} }`);
  const signal = surroundings.signal ?? new AbortController().signal;
  if (given.crashOnStart) throw startError('Could not create backend', 'failing on purpose (--crash-on-start)');
  const model = await loadModel(given, log, signal);
  const { engine } = model;
  const options = fitted(given, engine);
  log('INFO', sources.maxTokens, `Maximum number of tokens per request: ${options.maxInputLength}`);
  log('INFO', sources.tokenization, 'Starting 1 tokenization workers');
  log('INFO', sources.startBackend, 'Starting model backend');
  if (options.startupDelayMs > 0) await sleep(options.startupDelayMs, undefined, { signal });
  if (options.oom === 'at-load') {
    const reason = 'DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")';
    log('ERROR', sources.backend, `Could not start Candle backend: Could not start backend: ${reason}`);
    throw startError('Could not create backend', 'Could not start backend: Could not start a suitable backend');
  }
  log('INFO', sources.engine, `Starting ${engine.name} model on Cpu (${engine.description})`);
  log('INFO', sources.warmUp, 'Warming up model');
  await warmUp(model);
  log('WARN', sources.batchSize, `Backend does not support a batch size > ${cpuBatchRequests}`);
  log('WARN', sources.forcedBatch, `forcing \`max_batch_requests=${cpuBatchRequests}\``);

  const trouble = new Trouble(options);
  const metrics = createTeiMetrics();
  const backend = new Backend({ ...options, maxBatchRequests: cpuBatchRequests, isOutOfMemory: options.oom === 'at-run' }, trouble);
  backend.onBatch = ({ size, tokens }) => {
    metrics.observe('te_batch_next_size', size);
    metrics.observe('te_batch_next_tokens', tokens);
  };
  backend.onDropped = () => metrics.count('te_request_failure', { err: 'dropped' });
  const deps: TeiDeps = { options, model, backend, permits: new Permits(options.maxConcurrentRequests), metrics, log, version };
  const server = createTeiServer(deps, trouble);
  const port = await server.listen(options.port, options.hostname).catch((error: NodeJS.ErrnoException) => {
    throw startError(`Could not bind TCP Listener on ${options.hostname}:${options.port}`, bindProblem(error, options));
  });
  log('INFO', sources.starting, `Starting HTTP server: ${options.hostname}:${port}`);
  log('INFO', sources.ready, 'Ready');
  return {
    url: `http://${options.hostname}:${port}`,
    port,
    ended: new Promise(() => {}),
    async stop() {
      log('INFO', sources.shutdown, 'signal received, starting graceful shutdown');
      await server.close();
    },
  };
}

/** Downloads are told as they go. */
async function loadModel(options: ModelServerOptions, log: TeiLog, signal: AbortSignal): Promise<TeiModel> {
  let begunAt: number | undefined;
  const onProgress = (file: string, percent: number | undefined) => {
    if (begunAt === undefined) log('INFO', sources.startDownload, 'Starting download');
    begunAt ??= performance.now();
    log('INFO', sources.download, percent === undefined ? `Downloading \`${file}\`` : `Downloading \`${file}\`: ${percent} %`);
  };
  try {
    const model = await loadTeiModel(options, { onProgress, signal });
    if (begunAt !== undefined)
      log('INFO', sources.downloaded, `Model artifacts downloaded in ${rustDuration(performance.now() - begunAt)}`);
    return model;
  } catch (error) {
    if (error instanceof ModelError) throw startError('Could not download model artifacts', error.message);
    throw error;
  }
}

async function warmUp({ kind, engine }: TeiModel): Promise<void> {
  if (kind === 'embedding') await engine.embed('warm up');
  else await engine.rerank('warm', ['up'], 8);
}

/** The last words, as Rust programs say them. */
const startError = (what: string, why: string) => new StartError(`Error: ${what}\n\nCaused by:\n    ${why}`);

/** Masks nothing that is secret into the log: keys are left out. */
function argsText(options: ModelServerOptions): string {
  const { apiKey: _apiKey, ...shown } = options;
  const pairs = Object.entries({ ...shown, cores: availableParallelism() }).filter(([, value]) => value !== undefined);
  return pairs.map(([name, value]) => `${snakeCase(name)}: ${JSON.stringify(value)}`).join(', ');
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
