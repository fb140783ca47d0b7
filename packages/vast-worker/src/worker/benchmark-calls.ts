import { createHash } from 'node:crypto';
import type { Clock } from '../adapters/clock.ts';
import type { ModelServerClient } from '../adapters/model-server-client.ts';
import { type BenchmarkRun, bestStep, nextConcurrency, perfOf, planBenchmark, type SweepStep } from '../domain/benchmark.ts';
import { knownRoutes } from '../domain/known-routes.ts';
import { measureWorkload } from '../domain/workload.ts';
import { version } from '../version.ts';
import { BenchmarkConfig, type Handler, type Payload } from './handler-config.ts';
import type { RouteDesk } from './tickets.ts';

/** Requests that the worker sends to its own model server: to measure it, and to see whether it still answers. */

export interface Benchmark {
  route: RouteDesk;
  config: ReturnType<typeof BenchmarkConfig.parse>;
}

/** Exactly one handler is measured: the configured one, else the first on a known route; undefined when there is neither. */
export function chooseBenchmark(routes: readonly RouteDesk[]): Benchmark | undefined {
  const configured = routes.find(({ handler }) => handler.benchmarkConfig !== undefined);
  if (configured) return { route: configured, config: configured.handler.benchmarkConfig as Benchmark['config'] };
  for (const route of routes) {
    const known = knownRoutes.get(route.handler.route);
    if (known) return { route, config: BenchmarkConfig.parse({ generator: known.benchmarkPayload }) };
  }
  return undefined;
}

export type BenchmarkResult = { ok: true; perf: number; concurrency: number } | { ok: false; reason: string };

/** Warm-up, then rounds of concurrent requests, every body read to its end; at one concurrency, or at growing ones. */
export async function runBenchmark(
  benchmark: Benchmark,
  modelServer: ModelServerClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<BenchmarkResult> {
  const { route, config } = benchmark;
  const plan = planBenchmark(config, route.handler.allowParallelRequests);
  const sender = createSender(benchmark, modelServer, signal);
  if (plan.doWarmup) await sender.send();
  const steps: SweepStep[] = [];
  const isSwept = config.sweepTo !== undefined && route.handler.allowParallelRequests;
  let concurrency: number | undefined = isSwept ? nextConcurrency(steps, config.sweepTo as number) : plan.concurrency;
  while (concurrency !== undefined) {
    const perf = perfOf(await sendRounds(plan.runs, concurrency, sender.send, clock, signal));
    if (perf === undefined) break;
    steps.push({ concurrency, perf });
    concurrency = isSwept ? nextConcurrency(steps, config.sweepTo as number) : undefined;
  }
  const best = bestStep(steps);
  return best ? { ok: true, ...best } : { ok: false, reason: `the benchmark had no successful answer (${sender.lastFailure()})` };
}

function createSender({ route, config }: Benchmark, modelServer: ModelServerClient, signal: AbortSignal) {
  const payloads = payloadsOf(config);
  let lastFailure = 'nothing was answered';
  return {
    send: async (): Promise<Call> => {
      const call = await callOnce(route, payloads.next().value, modelServer, signal);
      if (!call.ok) lastFailure = call.reason;
      return call;
    },
    lastFailure: () => lastFailure,
  };
}

async function sendRounds(
  rounds: number,
  concurrency: number,
  send: () => Promise<Call>,
  clock: Clock,
  signal: AbortSignal,
): Promise<BenchmarkRun[]> {
  const runs: BenchmarkRun[] = [];
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    const startedAt = clock.now();
    const calls = await Promise.all(Array.from({ length: concurrency }, send));
    const successes = calls.filter((call) => call.ok);
    runs.push({
      successes: successes.length,
      servedWorkload: successes.reduce((sum, call) => sum + call.workload, 0),
      seconds: (clock.now() - startedAt) / 1000,
    });
  }
  return runs;
}

/** One request of the benchmark's kind. @returns why it failed, or undefined when it was answered with 200 */
export async function sendCanary(
  { route, config }: Benchmark,
  modelServer: ModelServerClient,
  signal: AbortSignal,
): Promise<string | undefined> {
  const call = await callOnce(route, payloadsOf(config).next().value, modelServer, signal);
  return call.ok ? undefined : call.reason;
}

type Call = { ok: true; workload: number } | { ok: false; reason: string; workload: 0 };

async function callOnce(route: RouteDesk, payload: Payload, modelServer: ModelServerClient, signal: AbortSignal): Promise<Call> {
  try {
    const body = await parsed(route.handler, payload);
    const answer = await modelServer.ask(route.upstreamPath, { json: body }, signal);
    for await (const _chunk of answer.body);
    if (answer.statusCode !== 200) return { ok: false, reason: `status ${answer.statusCode}`, workload: 0 };
    return { ok: true, workload: measureWorkload(route.workloadCalculator, body).workload };
  } catch (error) {
    signal.throwIfAborted();
    return { ok: false, reason: error instanceof Error ? error.message : 'unknown failure', workload: 0 };
  }
}

const parsed = async (handler: Handler, payload: Payload): Promise<Payload> =>
  handler.requestParser ? handler.requestParser(payload) : payload;

function* payloadsOf(config: Benchmark['config']): Generator<Payload, never> {
  for (let index = 0; ; index += 1) {
    yield config.generator ? config.generator() : ((config.dataset as Payload[])[index % (config.dataset as Payload[]).length] as Payload);
  }
}

/**
 * What a figure is good for: model and limits as the model server tells them, GPU, benchmark and version of this worker.
 * undefined when the model server does not say what it serves: then nothing is kept, so that no model inherits a figure.
 */
export async function fingerprintOf(
  { route, config }: Benchmark,
  modelServer: ModelServerClient,
  describeGpus: () => Promise<string>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const model = (await askModel('/info', modelServer, signal)) ?? (await askModel('/v1/models', modelServer, signal));
  if (model === undefined) return undefined;
  const { runs, concurrency, sweepTo } = config;
  const facts = { model, gpus: await describeGpus(), route: route.upstreamPath, runs, concurrency, sweepTo, version };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** vLLM's list says when it was made; the model is the same all the same. */
async function askModel(path: string, modelServer: ModelServerClient, signal: AbortSignal): Promise<string | undefined> {
  try {
    const answer = await modelServer.ask(path, { method: 'GET' }, signal);
    const text = await answer.body.text();
    if (answer.statusCode !== 200) return undefined;
    return JSON.stringify(JSON.parse(text), (key, value: unknown) =>
      key === 'created' || (key === 'id' && String(value).startsWith('modelperm-')) ? undefined : value,
    );
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
