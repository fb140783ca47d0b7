import type { CompletionEngine } from './engine.ts';
import { type AnswerHead, type AnswerShapes, type Choice, chunkUsage } from './vllm-answers.ts';
import { type Delta, deltasOf } from './vllm-deltas.ts';
import type { EngineCore } from './vllm-engine-core.ts';
import { asVllmError, EngineDeadError, VllmError, vllmErrorBody } from './vllm-errors.ts';
import type { VllmLog } from './vllm-log.ts';
import type { FinishReason, VllmMetrics } from './vllm-metrics.ts';
import type { GenerationRequest } from './vllm-requests.ts';

/** From a request that was read and checked to its answer, whole or as a stream. */

export interface Prompt {
  ids: readonly number[];
  /** Comes before the answer's text; empty unless the prompt is to be repeated. */
  echo: string;
  maxTokens: number;
}

export interface Job {
  head: AnswerHead;
  shapes: AnswerShapes;
  request: GenerationRequest;
  prompts: readonly Prompt[];
  /** The prompt is the answer: one token is made, as vLLM does, and thrown away. */
  isEchoAlone: boolean;
  /** What was arranged for this request. */
  fate: 'serve' | 'fail' | 'engine-death';
  signal: AbortSignal;
}

export interface GenerateDeps {
  engine: CompletionEngine;
  core: EngineCore;
  metrics: VllmMetrics;
  log: VllmLog;
}

/** @throws VllmError; AbortError when the client left */
export async function answerWhole(job: Job, deps: GenerateDeps): Promise<object> {
  const choices: Choice[] = [];
  let generatedTokens = 0;
  await everyChoice(job, deps, async (index, { text, tokenId, finish }) => {
    const choice = (choices[index] ??= { text: '', finish: { reason: 'abort', stopReason: null } });
    choice.text += text;
    if (tokenId !== undefined) generatedTokens += 1;
    if (finish) choice.finish = finish;
  });
  return job.shapes.whole(job.head, choices, { promptTokens: promptTokensOf(job), generatedTokens });
}

/**
 * Writes events until `[DONE]`. What fails after the first byte is an event, too.
 * @param write resolves when the client can take more
 * @throws AbortError when the client left
 */
export async function answerStream(job: Job, deps: GenerateDeps, write: (text: string) => Promise<void>): Promise<void> {
  const { head, shapes, request } = job;
  const promptTokens = promptTokensOf(job);
  const choices = new Map<number, number>(); // tokens by choice
  const send = (event: object) => write(`data: ${JSON.stringify(event)}\n\n`);
  const withUsage = (event: object, tokens: number) =>
    request.continuousUsage ? { ...event, usage: chunkUsage({ promptTokens, generatedTokens: tokens }) } : event;
  const open = async () => {
    for (let index = 0; index < request.n * job.prompts.length; index += 1) {
      choices.set(index, 0);
      if (shapes.opening) await send(withUsage(shapes.opening(head, index), 0));
    }
  };
  let opened: Promise<void> | undefined;
  try {
    await everyChoice(job, deps, async (index, delta) => {
      await (opened ??= open());
      const tokens = (choices.get(index) as number) + (delta.tokenId === undefined ? 0 : 1);
      choices.set(index, tokens);
      const chunk = shapes.chunk(head, index, delta, delta.text);
      const isLast = delta.finish !== undefined && !request.includeUsage;
      await send(withUsage(isLast ? { ...chunk, system_fingerprint: head.fingerprint } : chunk, tokens));
    });
    const generatedTokens = [...choices.values()].reduce((sum, tokens) => sum + tokens, 0);
    if (request.includeUsage) await send(shapes.usageChunk(head, { promptTokens, generatedTokens }));
  } catch (error) {
    job.signal.throwIfAborted();
    deps.log.api('ERROR', 'serving.py:882', `Error in ${shapes.streamName} stream generator.\n${traceback(error)}`);
    await send(vllmErrorBody(asVllmError(error)));
  }
  await write('data: [DONE]\n\n');
}

/** As Python shows an error, without frames: what is not ours to tell stays out. */
export function traceback(error: unknown): string {
  const name = error instanceof EngineDeadError ? 'vllm.v1.engine.exceptions.EngineDeadError' : 'RuntimeError';
  return `Traceback (most recent call last):\n${name}: ${asVllmError(error).message}`;
}

const promptTokensOf = ({ prompts }: Job) => prompts.reduce((sum, { ids }) => sum + ids.length, 0);

/** All choices at once; when one fails the others end as well. Choice index = prompt × n + sample. */
async function everyChoice(job: Job, deps: GenerateDeps, onDelta: (index: number, delta: Delta) => Promise<void>): Promise<void> {
  if (job.fate === 'fail') throw new VllmError('InternalServerError', 'failing on purpose (--fail-rate or --fail-after)');
  const { n } = job.request;
  const others = new AbortController();
  const signal = AbortSignal.any([job.signal, others.signal]);
  const runs = job.prompts.flatMap((prompt, place) =>
    Array.from({ length: n }, async (_, sample) => {
      try {
        await oneChoice({ ...job, signal }, deps, prompt, sample, (delta) => onDelta(place * n + sample, delta));
      } catch (error) {
        others.abort();
        throw error;
      }
    }),
  );
  const results = await Promise.allSettled(runs);
  const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as Error);
  const cause = failures.find(({ name }) => name !== 'AbortError') ?? failures[0];
  if (cause) throw cause;
}

async function oneChoice(job: Job, deps: GenerateDeps, prompt: Prompt, sample: number, onDelta: (delta: Delta) => Promise<void>) {
  const { request, signal } = job;
  const figures = new SequenceFigures(deps.metrics);
  const settings = {
    ...request.sampling,
    sample,
    maxTokens: prompt.maxTokens,
    minTokens: request.stop.minTokens,
    ignoreEnd: request.ignoreEnd,
  };
  let reason: FinishReason = 'error';
  try {
    const tokens = deps.core.generate(prompt.ids, settings, signal, () => figures.turn(prompt.ids.length));
    let echo = prompt.echo;
    for await (const delta of deltasOf(tokens, { ...request.stop, maxTokens: prompt.maxTokens })) {
      if (delta.tokenId !== undefined) figures.token();
      if (job.fate === 'engine-death' && (delta.finish || figures.tokens > 1)) {
        deps.core.die(new Error('dying on purpose'));
        throw new EngineDeadError();
      }
      await onDelta({ ...delta, text: echo + (job.isEchoAlone ? '' : delta.text) });
      echo = '';
      if (delta.finish) reason = delta.finish.reason;
    }
  } catch (error) {
    if (signal.aborted) reason = 'abort';
    throw error;
  } finally {
    figures.end(reason, prompt.ids.length, request.n, prompt.maxTokens);
  }
}

/** When what happened to one answer, for the metrics. */
class SequenceFigures {
  readonly #metrics: VllmMetrics;
  readonly #arrivedAt = performance.now();
  #turnAt: number | undefined;
  #firstAt: number | undefined;
  #lastAt: number | undefined;
  tokens = 0;

  constructor(metrics: VllmMetrics) {
    this.#metrics = metrics;
  }

  turn(promptTokens: number): void {
    this.#turnAt = performance.now();
    this.#metrics.prompt(promptTokens);
  }

  token(): void {
    const now = performance.now();
    if (this.#lastAt === undefined) this.#metrics.firstToken((now - this.#arrivedAt) / 1000);
    else this.#metrics.nextToken((now - this.#lastAt) / 1000);
    this.#firstAt ??= now;
    this.#lastAt = now;
    this.tokens += 1;
  }

  end(reason: FinishReason, promptTokens: number, n: number, maxTokens: number): void {
    const now = performance.now();
    const turnAt = this.#turnAt ?? now;
    this.#metrics.finished({
      reason,
      promptTokens,
      generatedTokens: this.tokens,
      n,
      maxTokens,
      queueSeconds: (turnAt - this.#arrivedAt) / 1000,
      prefillSeconds: this.#firstAt === undefined ? undefined : (this.#firstAt - turnAt) / 1000,
      decodeSeconds: this.#firstAt === undefined ? 0 : ((this.#lastAt ?? this.#firstAt) - this.#firstAt) / 1000,
    });
  }
}
