import { setTimeout as sleep } from 'node:timers/promises';
import type { CompletionEngine } from './engine.ts';
import { fitted, loadCompletionEngine } from './load-engine.ts';
import type { ModelServerOptions } from './options.ts';
import { bindProblem, ModelError, type ModelServer, StartError, type Surroundings } from './server.ts';
import { Trouble } from './trouble.ts';
import { version } from './version.ts';
import type { VllmDeps } from './vllm-api.ts';
import { EngineCore } from './vllm-engine-core.ts';
import { EngineDeadError } from './vllm-errors.ts';
import { traceback } from './vllm-generate.ts';
import { createVllmLog, lastWords, type VllmLog } from './vllm-log.ts';
import { VllmMetrics } from './vllm-metrics.ts';
import { createVllmServer, vllmRoutes } from './vllm-server.ts';
import { logStatistics } from './vllm-statistics.ts';

/** Starts as vLLM's V1 engine does, and tells the same in its log. @throws StartError, OptionsError, AbortError */
export async function startVllm(given: ModelServerOptions, surroundings: Surroundings): Promise<ModelServer> {
  const log = createVllmLog({
    pid: process.pid,
    file: given.logFile,
    write: surroundings.write ?? ((text) => process.stdout.write(text)),
    writeError: surroundings.writeError ?? ((text) => process.stderr.write(text)),
    now: () => new Date(),
  });
  sayHello(log, given);
  const { engine, options } = await load(log, given, surroundings.signal ?? new AbortController().signal);
  const core = new EngineCore(engine, options);

  const metrics = new VllmMetrics(options.servedModelName, options.maxModelLen);
  const deps: VllmDeps = { options, engine, core, metrics, log, version };
  const server = createVllmServer(deps, new Trouble(troubleOf(options)));
  log.api('INFO', 'api_server.py:544', "Supported tasks: ('generate',)");
  const port = await server.listen(options.port, options.hostname).catch((error: NodeJS.ErrnoException) => {
    throw new StartError(lastWords(process.pid, `OSError: ${bindProblem(error, options)}`));
  });
  sayReady(log, `http://${options.hostname}:${port}`);
  const stopStatistics = logStatistics(log, metrics, core, options.logStatsInterval);

  const ended = Promise.withResolvers<void>();
  let watchdog: NodeJS.Timeout | undefined;
  let isShuttingDown = false;
  const shutDown = async (graceMs: number) => {
    if (isShuttingDown) return ended.promise;
    isShuttingDown = true;
    clearTimeout(watchdog);
    stopStatistics();
    log.uvicorn('Shutting down');
    await server.close(graceMs);
    for (const last of [
      'Waiting for application shutdown.',
      'Application shutdown complete.',
      `Finished server process [${process.pid}]`,
    ]) {
      log.uvicorn(last);
    }
    ended.resolve();
  };
  core.onDeath = (cause) => {
    sayDeath(log, cause, options);
    watchdog = setTimeout(() => void shutDown(lastAnswersMs), options.watchdogMs);
  };
  return {
    url: `http://${options.hostname}:${port}`,
    port,
    ended: ended.promise,
    async stop() {
      sayStop(log, options.shutdownTimeout);
      const abort = setTimeout(() => core.abortAll(), options.shutdownTimeout * 1000);
      await shutDown(options.shutdownTimeout * 1000 + lastAnswersMs);
      clearTimeout(abort);
    },
  };
}

/** For clients to take what was made until the abort. */
const lastAnswersMs = 1_000;

/** Out of memory at run time is what ends an engine. */
const troubleOf = (options: ModelServerOptions): ModelServerOptions =>
  options.oom === 'at-run' ? { ...options, engineDeathAfter: 0 } : options;

function sayHello(log: VllmLog, { servedModelName: model, hostname }: ModelServerOptions): void {
  log.api('INFO', 'api_utils.py:333', `\n  cpu-model-server, in place of vLLM\n  version ${version}\n  model   ${model}\n`);
  log.api('INFO', 'api_utils.py:272', `non-default args: {'model': '${model}', 'host': '${hostname}'}`);
}

/** The engine is loaded first, since it knows what the first lines tell. @returns the options as the model has them. @throws StartError, AbortError */
async function load(
  log: VllmLog,
  given: ModelServerOptions,
  signal: AbortSignal,
): Promise<{ engine: CompletionEngine; options: ModelServerOptions }> {
  const begunAt = performance.now();
  const seconds = () => (performance.now() - begunAt) / 1000;
  const onProgress = (file: string, percent = 0) => log.bare('EngineCore', `Downloading ${file}: ${percent}%`);
  const engine = await loadCompletionEngine(given, { onProgress, signal }).catch((error: unknown) => {
    throw error instanceof ModelError ? startFailure(log, `ValueError: ${error.message}`) : error;
  });
  const options = fitted(given, engine);
  const { servedModelName: model, maxModelLen, maxNumSeqs } = options;
  log.api('INFO', 'model.py:672', `Resolved architecture: ${engine.architecture}`);
  log.api('INFO', 'model.py:1965', `Using max model len ${maxModelLen}`);
  log.api('INFO', 'scheduler.py:243', `Chunked prefill is enabled with max_num_batched_tokens=${maxModelLen}.`);
  log.engine(
    'INFO',
    'core.py:122',
    `Initializing a V1 LLM engine (v${version}) with config: model='${model}', max_seq_len=${maxModelLen}, device_config=cpu, ` +
      `served_model_name=${model} (${engine.description})`,
  );
  log.engine('INFO', 'model_runner.py:358', 'Loading model from scratch...');
  if (options.startupDelayMs > 0) await sleep(options.startupDelayMs, undefined, { signal });
  if (options.crashOnStart) throw startFailure(log, 'RuntimeError: failing on purpose (--crash-on-start)');
  if (options.oom === 'at-load') throw startFailure(log, outOfMemory);
  log.engine('INFO', 'default_loader.py:431', `Loading weights took ${seconds().toFixed(2)} seconds`);
  log.engine('INFO', 'model_runner.py:380', `Model loading took 0.00 GiB memory and ${seconds().toFixed(6)} seconds`);
  log.engine('INFO', 'monitor.py:53', 'torch.compile took 0.00 s in total');
  const [cacheTokens, perRequest] = [maxNumSeqs * maxModelLen, maxModelLen].map((count) => count.toLocaleString('en-US'));
  log.engine(
    'INFO',
    'kv_cache_utils.py:1876',
    `GPU KV cache size: ${cacheTokens} tokens, Maximum concurrency for ${perRequest} tokens per request: ${maxNumSeqs.toFixed(2)}x`,
  );
  log.engine('INFO', 'model_runner.py:906', 'Graph capturing finished in 0 secs, took 0.00 GiB');
  const message = `init engine (profile, create kv cache, warmup model) took ${seconds().toFixed(2)} s (compilation: 0.00 s)`;
  log.engine('INFO', 'core.py:348', message);
  return { engine, options };
}

const outOfMemory =
  'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 448.00 MiB. GPU 0 has a total capacity of 23.53 GiB of which 241.81 MiB is free.';

function startFailure(log: VllmLog, reason: string): StartError {
  const trace = `Traceback (most recent call last):\n${reason}`;
  log.engine('ERROR', 'core.py:1346', `EngineCore failed to start.\n${trace}`);
  log.bare('EngineCore', `Process EngineCore:\n${trace}`);
  const last = "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}";
  return new StartError(lastWords(process.pid, `Traceback (most recent call last):\n${last}`));
}

/** vLLM says the first line before it listens; here the port is only known then. */
function sayReady(log: VllmLog, url: string): void {
  log.api('INFO', 'api_server.py:548', `Starting vLLM server on ${url}`);
  log.api('INFO', 'launcher.py:51', 'Available routes are:');
  for (const [path, handlers] of Object.entries(vllmRoutes)) {
    for (const method of Object.keys(handlers)) log.api('INFO', 'launcher.py:60', `Route: ${path}, Methods: ${method}`);
  }
  log.uvicorn(`Started server process [${process.pid}]`);
  log.uvicorn('Waiting for application startup.');
  log.uvicorn('Application startup complete.');
}

function sayStop(log: VllmLog, timeout: number): void {
  log.api('INFO', 'launcher.py:114', '[shutdown] API server: shutdown triggered');
  const mode = timeout > 0 ? 'wait' : 'abort';
  log.api('INFO', 'launcher.py:130', `[shutdown] API server: stopping engine client mode=${mode} timeout=${timeout}s`);
  log.engine('INFO', 'core.py:1329', '[shutdown] EngineCore: trigger received signal=SIGTERM');
}

function sayDeath(log: VllmLog, cause: Error, options: ModelServerOptions): void {
  const reason = options.oom === 'at-run' ? outOfMemory : `RuntimeError: ${cause.message} (--engine-death-after)`;
  const trace = `Traceback (most recent call last):\n${reason}`;
  log.engine('ERROR', 'core.py:1348', `EngineCore encountered a fatal error.\n${trace}`);
  log.api('ERROR', 'async_llm.py:744', `AsyncLLM output_handler failed.\n${traceback(new EngineDeadError())}`);
  log.bare('EngineCore', `Process EngineCore:\n${trace}`);
}
