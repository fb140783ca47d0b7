import { AbortScope } from '../adapters/abort-scope.ts';
import type { Clock } from '../adapters/clock.ts';
import type { Logger } from '../adapters/logger.ts';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import type { ModelServerClient } from '../adapters/model-server-client.ts';
import type { PerfCache } from '../adapters/perf-cache.ts';
import { type Benchmark, fingerprintOf, runBenchmark, sendCanary } from './benchmark-calls.ts';
import type { GrantVerifier } from './grant-verifier.ts';
import type { ModelProbe } from './model-probe.ts';
import type { WorkerState } from './state.ts';

/** From a loading model server to a ready worker: one function per phase, each ends with a signal. */

export interface StartUpDeps {
  state: WorkerState;
  modelServer: ModelServerClient;
  probe: Pick<ModelProbe, 'check'>;
  metrics: WorkerMetrics;
  clock: Clock;
  log: Logger;
  /** undefined: nothing can be benchmarked; perf is learned from traffic. */
  benchmark: Benchmark | undefined;
  perfCache: PerfCache;
  describeGpus: () => Promise<string>;
  /** undefined: signatures are not verified. */
  verifier: GrantVerifier | undefined;
  /** 'log': a log rule says when the model is loaded; 'health': the model server's health does. */
  loadedBy: () => 'log' | 'health';
  /** Seconds. */
  loadTimeout: number;
  /** For one answer of the model server's health. */
  probeTimeoutMs: number;
  /** Load per second. */
  initialPerf: number;
}

const probePauseMs = 500;
const progressEveryMs = 30_000;
const benchmarkTimeoutMs = 600_000;
const healthTimeoutMs = 300_000;
const keyTimeoutMs = 60_000;
const canaryTimeoutMs = 60_000;

/** `loading` → `benchmarking`, or `failed` after `loadTimeout`. */
export async function awaitModel(deps: StartUpDeps, signal: AbortSignal): Promise<void> {
  const { state, clock, log, loadTimeout } = deps;
  const startedAt = clock.now();
  let nextProgressAt = startedAt + progressEveryMs;
  while (state.phase === 'loading') {
    const waitedSeconds = (clock.now() - startedAt) / 1000;
    const health = deps.loadedBy() === 'health' ? await deps.probe.check(deps.probeTimeoutMs, signal) : undefined;
    signal.throwIfAborted();
    const seen = health ? `it ${health.description}` : 'no log line matched onLoad';
    if (health?.ok) {
      deps.metrics.modelServerUp(true);
      state.signal('model-loaded', `the model server ${health.description}; benchmarking`);
    } else if (waitedSeconds > loadTimeout) {
      state.signal('model-failed', `the model server did not load within ${loadTimeout} s: ${seen}`);
    } else {
      state.explain('loading', seen);
      if (clock.now() >= nextProgressAt) {
        nextProgressAt += progressEveryMs;
        log.info({ waitedSeconds: Math.round(waitedSeconds), modelServer: health?.description }, 'waiting for the model server');
      }
      await pause(deps, probePauseMs, signal);
    }
  }
}

/** `benchmarking` → `confirming`, or `failed`. */
export async function measurePerf(deps: StartUpDeps, signal: AbortSignal): Promise<void> {
  const { state, benchmark, log } = deps;
  if (!benchmark) {
    state.learnPerfFrom(deps.initialPerf);
    state.signal('benchmark-passed', 'no route can be benchmarked; perf is learned from traffic');
    return;
  }
  const { route } = benchmark.route.handler;
  log.info({ route, runs: benchmark.config.runs, concurrency: benchmark.config.concurrency }, 'benchmark started');
  const limit = whilePhase(deps, 'benchmarking', benchmarkTimeoutMs, signal);
  try {
    const fingerprint = await fingerprintOf(benchmark, deps.modelServer, deps.describeGpus, limit.signal);
    const known = fingerprint && (await deps.perfCache.read(fingerprint));
    if (known) {
      state.setPerf(known.perf, 'cache', known.concurrency);
      log.info({ route, ...known }, 'benchmark of an earlier start taken over');
      state.signal('benchmark-passed', 'benchmark known; waiting for health and public key');
      return;
    }
    const result = await runBenchmark(benchmark, deps.modelServer, deps.clock, limit.signal);
    signal.throwIfAborted();
    if (result.ok) {
      const { perf, concurrency } = result;
      state.setPerf(perf, 'benchmark', concurrency);
      if (fingerprint && !(await deps.perfCache.write(fingerprint, { perf, concurrency })))
        log.warn({}, 'benchmark could not be kept for the next start');
      log.info({ route, perf, concurrency }, 'benchmark passed');
      state.signal('benchmark-passed', 'benchmark passed; waiting for health and public key');
    } else {
      state.signal('model-failed', result.reason);
    }
  } catch (error) {
    signal.throwIfAborted();
    const what = limit.signal.aborted ? `did not end within ${benchmarkTimeoutMs / 1000} s` : `failed: ${messageOf(error)}`;
    state.signal('model-failed', `the benchmark of ${route} ${what}`);
  } finally {
    limit.stop();
  }
}

/** `confirming` → `ready`, or `failed`: healthy, answering a real request, and with a key to verify grants. */
export async function confirm(deps: StartUpDeps, signal: AbortSignal): Promise<void> {
  const { state, verifier } = deps;
  const healthLimit = whilePhase(deps, 'confirming', healthTimeoutMs, signal);
  try {
    await untilHealthy(deps, healthLimit.signal);
    const failure = await canary(deps, healthLimit.signal);
    if (failure) return void state.signal('model-failed', `the model server is healthy but does not serve: ${failure}`);
  } catch {
    signal.throwIfAborted();
    return void state.signal('model-failed', `the model server was not healthy within ${healthTimeoutMs / 1000} s`);
  } finally {
    healthLimit.stop();
  }
  const keyLimit = whilePhase(deps, 'confirming', keyTimeoutMs, signal);
  try {
    await verifier?.untilKey(keyLimit.signal);
    state.signal('health-confirmed', 'ready');
  } catch {
    signal.throwIfAborted();
    state.signal('model-failed', `the public key could not be fetched within ${keyTimeoutMs / 1000} s`);
  } finally {
    keyLimit.stop();
  }
}

/** One real request, bounded. @returns why it failed */
export async function canary(deps: StartUpDeps, signal: AbortSignal): Promise<string | undefined> {
  if (!deps.benchmark) return undefined;
  using limit = new AbortScope(signal, canaryTimeoutMs);
  try {
    const failure = await sendCanary(deps.benchmark, deps.modelServer, limit.signal);
    signal.throwIfAborted();
    return failure;
  } catch {
    signal.throwIfAborted();
    return `no answer within ${canaryTimeoutMs / 1000} s`;
  }
}

async function untilHealthy(deps: StartUpDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    const health = await deps.probe.check(deps.probeTimeoutMs, signal);
    signal.throwIfAborted();
    if (health.ok) return;
    await deps.clock.sleep(probePauseMs, signal);
  }
}

/** A signal that aborts with `signal`, after `timeoutMs`, or when something else ends the phase (a log line, a drain). */
function whilePhase(deps: StartUpDeps, phase: string, timeoutMs: number, signal: AbortSignal): { signal: AbortSignal; stop: () => void } {
  const over = new AbortController();
  const stopTimer = deps.clock.after(timeoutMs, () => over.abort(new Error('too late')));
  const either = AbortSignal.any([signal, over.signal]);
  deps.state
    .until(() => deps.state.phase !== phase, either)
    .then(
      () => over.abort(new Error('the phase is over')),
      () => undefined,
    );
  return {
    signal: either,
    stop() {
      stopTimer();
      over.abort(new Error('done'));
    },
  };
}

/** Ends early when the phase changes. */
export async function pause(deps: Pick<StartUpDeps, 'state' | 'clock'>, ms: number, signal: AbortSignal): Promise<void> {
  using scope = new AbortScope(signal);
  const { phase } = deps.state;
  const phaseOver = deps.state.until(() => deps.state.phase !== phase, scope.signal);
  await Promise.race([phaseOver, deps.clock.sleep(ms, scope.signal)]).catch(() => undefined);
  signal.throwIfAborted();
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'unknown failure');
