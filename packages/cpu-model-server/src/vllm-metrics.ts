import { type Labels, Metrics } from './metrics.ts';

/** The `vllm:*` metrics. All but those of features that are not here; they are shown with zeros from the start. */

export type FinishReason = 'stop' | 'length' | 'abort' | 'error';

/** One answer in its whole length, in tokens and seconds. */
export interface FinishedSequence {
  reason: FinishReason;
  promptTokens: number;
  generatedTokens: number;
  /** Of the request's parameters. */
  n: number;
  maxTokens: number;
  queueSeconds: number;
  /** From its turn to its first token; undefined when there was none. */
  prefillSeconds: number | undefined;
  decodeSeconds: number;
}

const finishReasons = ['stop', 'length', 'abort', 'error', 'repetition'] as const;
const latencyHistograms = [
  'vllm:time_to_first_token_seconds',
  'vllm:inter_token_latency_seconds',
  'vllm:request_time_per_output_token_seconds',
  'vllm:e2e_request_latency_seconds',
  'vllm:request_queue_time_seconds',
  'vllm:request_inference_time_seconds',
  'vllm:request_prefill_time_seconds',
  'vllm:request_decode_time_seconds',
];
const countHistograms = [
  'vllm:request_prompt_tokens',
  'vllm:request_generation_tokens',
  'vllm:request_params_n',
  'vllm:request_params_max_tokens',
];

export class VllmMetrics {
  readonly #metrics: Metrics;
  readonly #labels: Labels;
  /** Since the start; the log's statistics take differences of them. */
  promptTokens = 0;
  generatedTokens = 0;

  constructor(modelName: string, maxModelLen: number) {
    this.#metrics = new Metrics((name) => bucketsOf(name, maxModelLen));
    this.#labels = { engine: '0', model_name: modelName };
    for (const reason of finishReasons) this.#count('vllm:request_success_total', 0, { finished_reason: reason });
    for (const name of ['prompt_tokens', 'generation_tokens', 'num_preemptions', 'prefix_cache_queries', 'prefix_cache_hits']) {
      this.#count(`vllm:${name}_total`, 0);
    }
    for (const name of [...latencyHistograms, ...countHistograms]) this.#metrics.histogram(name, this.#labels);
  }

  prompt(tokens: number): void {
    this.promptTokens += tokens;
    this.#count('vllm:prompt_tokens_total', tokens);
    this.#count('vllm:prefix_cache_queries_total', tokens);
  }

  firstToken(secondsSinceArrival: number): void {
    this.#generated();
    this.#observe('vllm:time_to_first_token_seconds', secondsSinceArrival);
  }

  nextToken(secondsSinceLast: number): void {
    this.#generated();
    this.#observe('vllm:inter_token_latency_seconds', secondsSinceLast);
  }

  finished(sequence: FinishedSequence): void {
    const { reason, prefillSeconds = 0, queueSeconds, decodeSeconds, generatedTokens } = sequence;
    this.#count('vllm:request_success_total', 1, { finished_reason: reason });
    this.#observe('vllm:request_prompt_tokens', sequence.promptTokens);
    this.#observe('vllm:request_generation_tokens', generatedTokens);
    this.#observe('vllm:request_params_n', sequence.n);
    this.#observe('vllm:request_params_max_tokens', sequence.maxTokens);
    this.#observe('vllm:request_queue_time_seconds', queueSeconds);
    this.#observe('vllm:request_prefill_time_seconds', prefillSeconds);
    this.#observe('vllm:request_decode_time_seconds', decodeSeconds);
    this.#observe('vllm:request_inference_time_seconds', prefillSeconds + decodeSeconds);
    this.#observe('vllm:e2e_request_latency_seconds', queueSeconds + prefillSeconds + decodeSeconds);
    if (generatedTokens > 1) this.#observe('vllm:request_time_per_output_token_seconds', decodeSeconds / (generatedTokens - 1));
  }

  /** @param engine what is so at this moment; the usage is 0 to 1 in spite of the metric's name */
  render(engine: { running: number; waiting: number; kvCacheUsage: number }): string {
    this.#metrics.gauge('vllm:num_requests_running', engine.running, this.#labels);
    this.#metrics.gauge('vllm:num_requests_waiting', engine.waiting, this.#labels);
    this.#metrics.gauge('vllm:num_requests_waiting_by_reason', engine.waiting, { ...this.#labels, reason: 'capacity' });
    this.#metrics.gauge('vllm:num_requests_waiting_by_reason', 0, { ...this.#labels, reason: 'deferred' });
    this.#metrics.gauge('vllm:kv_cache_usage_perc', engine.kvCacheUsage, this.#labels);
    return this.#metrics.render();
  }

  #generated(): void {
    this.generatedTokens += 1;
    this.#count('vllm:generation_tokens_total', 1);
  }

  #count(name: string, by: number, labels: Labels = {}): void {
    this.#metrics.count(name, { ...this.#labels, ...labels }, by);
  }

  #observe(name: string, value: number): void {
    this.#metrics.observe(name, value, this.#labels);
  }
}

/** Of vLLM's `v1/metrics/loggers.py`. */
const timeToFirstToken = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560];
const perToken = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
const perRequest = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];

function bucketsOf(name: string, maxModelLen: number): readonly number[] {
  if (name === 'vllm:time_to_first_token_seconds') return timeToFirstToken;
  if (name === 'vllm:inter_token_latency_seconds' || name === 'vllm:request_time_per_output_token_seconds') return perToken;
  if (name.endsWith('_seconds')) return perRequest;
  if (name === 'vllm:request_params_n') return [1, 2, 5, 10, 20];
  return oneTwoFive(maxModelLen);
}

/** 1, 2, 5, 10, … up to the greatest that is needed. */
function oneTwoFive(greatest: number): number[] {
  const buckets: number[] = [];
  for (let power = 1; power <= greatest; power *= 10) buckets.push(...[1, 2, 5].map((step) => step * power));
  return buckets.filter((bound) => bound <= greatest);
}
