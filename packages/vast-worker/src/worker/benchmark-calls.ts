import type { Clock } from '../adapters/clock.ts';
import type { ModelServerClient } from '../adapters/model-server-client.ts';
import { type BenchmarkRun, perfOf, planBenchmark } from '../domain/benchmark.ts';
import { knownRoutes } from '../domain/known-routes.ts';
import { measureWorkload } from '../domain/workload.ts';
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

export type BenchmarkResult = { ok: true; perf: number } | { ok: false; reason: string };

/** Warm-up, then rounds of concurrent requests, every body read to its end. Outside queue and books. */
export async function runBenchmark(
  { route, config }: Benchmark,
  modelServer: ModelServerClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<BenchmarkResult> {
  const plan = planBenchmark(config, route.handler.allowParallelRequests);
  const payloads = payloadsOf(config);
  let lastFailure = 'nothing was answered';
  const send = async () => {
    const call = await callOnce(route, payloads.next().value, modelServer, signal);
    if (!call.ok) lastFailure = call.reason;
    return call;
  };
  if (plan.doWarmup) await send();
  const runs: BenchmarkRun[] = [];
  for (let run = 0; run < plan.runs; run += 1) {
    signal.throwIfAborted();
    const startedAt = clock.now();
    const calls = await Promise.all(Array.from({ length: plan.concurrency }, send));
    const successes = calls.filter((call) => call.ok);
    runs.push({
      successes: successes.length,
      servedWorkload: successes.reduce((sum, call) => sum + call.workload, 0),
      seconds: (clock.now() - startedAt) / 1000,
    });
  }
  const perf = perfOf(runs);
  return perf === undefined ? { ok: false, reason: `the benchmark had no successful answer (${lastFailure})` } : { ok: true, perf };
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
    const answer = await modelServer.call(route.upstreamPath, { json: body }, signal);
    for await (const _chunk of answer.body ?? []);
    if (answer.status !== 200) return { ok: false, reason: `status ${answer.status}`, workload: 0 };
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
