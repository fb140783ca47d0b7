import type { Backend, Computed, Permits } from './backend.ts';
import type { EmbeddingEngine, EngineInput, TeiModel } from './engine.ts';
import { countCharacters } from './lexical-tokenizer.ts';
import type { Metrics } from './metrics.ts';
import type { ModelServerOptions } from './options.ts';
import { TeiError } from './tei-errors.ts';
import { rustDuration, sources, type TeiLog } from './tei-log.ts';
import {
  deserialize,
  embedAllRequest,
  embedRequest,
  itemsOf,
  openAiRequest,
  rerankRequest,
  similarityRequest,
  tokenizeRequest,
} from './tei-requests.ts';

/** The routes of text-embeddings-inference: body in, answer out. */

export interface TeiDeps {
  options: ModelServerOptions;
  model: TeiModel;
  backend: Backend;
  permits: Permits;
  metrics: Metrics;
  log: TeiLog;
  version: string;
}

export interface TeiAnswer {
  body: unknown;
  headers: Record<string, string>;
}

/** Asked before each batch, so that nothing is computed for a client that left. */
export interface Caller {
  isGone: () => boolean;
}

export type TeiRoute = (body: unknown, caller: Caller, deps: TeiDeps) => Promise<TeiAnswer>;

export const teiRoutes: Readonly<Record<string, TeiRoute>> = {
  '/embed': embed,
  '/embed_all': embedAll,
  '/embed_sparse': notAnEmbedderWithSplade,
  '/v1/embeddings': openAiEmbeddings,
  '/embeddings': openAiEmbeddings,
  '/rerank': rerank,
  '/similarity': similarity,
  '/tokenize': tokenizeRoute,
  '/predict': unsupported('predict'),
  '/decode': unsupported('decode'),
  '/vertex': unsupported('vertex'),
};

/** Paths whose errors have the OpenAI route's shape. */
export const openAiPaths: ReadonlySet<string> = new Set(['/v1/embeddings', '/embeddings']);

async function embed(body: unknown, caller: Caller, deps: TeiDeps): Promise<TeiAnswer> {
  const request = deserialize(embedRequest, body);
  const engine = embedderOf(deps);
  const size = checkedDimensions(request.dimensions, engine.dimensions);
  const { items, isBatch } = itemsOf(request.inputs);
  const work = await compute('embed', items, isBatch, request, caller, deps, async (input) => {
    const vector = (await engine.embed(input)).subarray(0, size);
    return request.normalize ? normalized(vector) : vector;
  });
  return { body: work.values.map((vector) => Array.from(vector)), headers: work.headers };
}

async function embedAll(body: unknown, caller: Caller, deps: TeiDeps): Promise<TeiAnswer> {
  const request = deserialize(embedAllRequest, body);
  const engine = embedderOf(deps);
  const { items, isBatch } = itemsOf(request.inputs);
  const work = await compute('embed_all', items, isBatch, request, caller, deps, (input) => engine.embedAll(input));
  return { body: work.values.map((vectors) => vectors.map((vector) => Array.from(vector))), headers: work.headers };
}

async function openAiEmbeddings(body: unknown, caller: Caller, deps: TeiDeps): Promise<TeiAnswer> {
  const request = deserialize(openAiRequest, body);
  const engine = embedderOf(deps);
  const size = checkedDimensions(request.dimensions, engine.dimensions);
  const { items, isBatch } = itemsOf(request.input);
  const truncation = { truncate: null, truncation_direction: 'right' as const, prompt_name: null };
  const work = await compute('openai_embed', items, isBatch, truncation, caller, deps, async (input) =>
    normalized((await engine.embed(input)).subarray(0, size)),
  );
  return {
    body: {
      object: 'list',
      data: work.values.map((vector, index) => ({
        object: 'embedding',
        embedding: request.encoding_format === 'base64' ? toBase64(vector) : Array.from(vector),
        index,
      })),
      model: deps.options.servedModelName,
      usage: { prompt_tokens: work.tokens, total_tokens: work.tokens },
    },
    headers: work.headers,
  };
}

async function similarity(body: unknown, caller: Caller, deps: TeiDeps): Promise<TeiAnswer> {
  const { inputs, parameters } = deserialize(similarityRequest, body);
  const engine = embedderOf(deps);
  if (inputs.sentences.length === 0) throw new TeiError('Empty', '`inputs.sentences` cannot be empty');
  const items = [inputs.source_sentence, ...inputs.sentences];
  const work = await compute('embed', items, true, parameters, caller, deps, async (input) => normalized(await engine.embed(input)));
  const [source, ...rest] = work.values as [Float32Array, ...Float32Array[]];
  return { body: rest.map((vector) => dot(source, vector)), headers: work.headers };
}

async function rerank(body: unknown, caller: Caller, deps: TeiDeps): Promise<TeiAnswer> {
  const request = deserialize(rerankRequest, body);
  if (request.texts.length === 0) throw new TeiError('Empty', '`texts` cannot be empty');
  if (deps.model.kind !== 'reranker') throw new TeiError('Backend', 'model is not a re-ranker model', 'model_type');
  const { engine } = deps.model;
  checkBatchSize(request.texts.length, deps);
  // BM25 weighs the documents against each other, so all of them are scored with the first item and each takes its own.
  let scores: Promise<number[]> | undefined;
  const pairs = request.texts.map((text) => ({ query: request.query, text }));
  const work = await compute('rerank', pairs, true, { ...request, prompt_name: null }, caller, deps, async () => {
    scores ??= Promise.resolve(engine.rerank(request.query, request.texts, deps.options.maxInputLength));
    return scores;
  });
  const ranked = (work.values[0] as number[])
    .map((raw, index) => ({
      index,
      ...(request.return_text ? { text: request.texts[index] } : {}),
      score: request.raw_scores ? raw : 1 / (1 + Math.exp(-raw)),
    }))
    .sort((left, right) => left.score - right.score)
    .reverse(); // equal scores: the higher index first, as TEI does
  return { body: ranked, headers: work.headers };
}

async function tokenizeRoute(body: unknown, _caller: Caller, deps: TeiDeps): Promise<TeiAnswer> {
  const request = deserialize(tokenizeRequest, body);
  checkPromptName(request.prompt_name);
  const texts = [request.inputs].flat();
  if (texts.length === 0) throw new TeiError('Empty', '`inputs` cannot be empty');
  checkBatchSize(texts.length, deps);
  return { body: texts.map((text) => deps.model.engine.tokenizer.tokenize(text, request.add_special_tokens)), headers: {} };
}

async function notAnEmbedderWithSplade(): Promise<never> {
  throw new TeiError('Backend', 'Backend error: Model is not an embedding model with SPLADE pooling', 'model_type');
}

function unsupported(route: string): TeiRoute {
  return async (_body, _caller, { model }) => {
    throw new TeiError(
      'Backend',
      `Backend error: the ${model.engine.name} engine of cpu-model-server does not do \`${route}\``,
      'model_type',
    );
  };
}

interface Truncation {
  truncate?: boolean | null | undefined;
  truncation_direction: 'right' | 'left';
  prompt_name?: string | null | undefined;
}

interface Pair {
  query: string;
  text: string;
}

/** The way of every item: checked, admitted, queued, computed; and the figures about it in headers, metrics and log. */
async function compute<Item extends EngineInput | Pair, Value>(
  span: string,
  items: readonly Item[],
  isBatch: boolean,
  truncation: Truncation,
  caller: Caller,
  deps: TeiDeps,
  each: (input: Item) => Value | Promise<Value>,
): Promise<{ values: Value[]; tokens: number; headers: Record<string, string> }> {
  const startedAt = performance.now();
  const { backend, permits, metrics, log } = deps;
  const item = span === 'rerank' ? 'predict' : 'embed';
  metrics.count('te_request_count', { method: isBatch ? 'batch' : 'single' });
  checkPromptName(truncation.prompt_name);
  if (isBatch) checkBatchSize(items.length, deps);
  const prepared = items.map((input) => prepare(input, truncation, deps));
  const tokenizationMs = performance.now() - startedAt;
  const release = permits.take(items.length);
  if (!release) {
    log('ERROR', sources.permits, 'no permits available', { name: 'try_acquire_permit', fields: {} });
    throw new TeiError('Overloaded', 'Model is overloaded');
  }
  let results: Computed<Value>[];
  try {
    results = await Promise.all(prepared.map(({ input, tokens }) => backend.run(tokens, () => each(input), caller.isGone)));
  } catch (error) {
    if (error instanceof TeiError && error.metric === 'inference') log('ERROR', sources.inference, error.message);
    throw error;
  } finally {
    release();
  }
  const totalMs = performance.now() - startedAt;
  const tokens = prepared.reduce((sum, one) => sum + one.tokens, 0);
  const queueMs = mean(results.map((result) => result.queueMs));
  const inferenceMs = mean(results.map((result) => result.inferenceMs));
  metrics.count('te_request_success', { method: isBatch ? 'batch' : 'single' });
  metrics.observe('te_request_duration', totalMs / 1000);
  metrics.observe('te_request_tokenization_duration', tokenizationMs / 1000);
  metrics.observe('te_request_queue_duration', queueMs / 1000);
  metrics.observe('te_request_inference_duration', inferenceMs / 1000);
  for (const one of prepared) {
    metrics.observe('te_request_input_length', one.tokens);
    metrics.count(`te_${item}_count`);
    metrics.count(`te_${item}_success`);
  }
  log('INFO', sources.success, 'Success', {
    name: span,
    fields: {
      total_time: rustDuration(totalMs),
      tokenization_time: rustDuration(tokenizationMs),
      queue_time: rustDuration(queueMs),
      inference_time: rustDuration(inferenceMs),
    },
  });
  return {
    values: results.map(({ value }) => value),
    tokens,
    headers: {
      'x-compute-type': 'gpu+optimized', // what TEI says on a CPU as well
      'x-compute-time': ms(totalMs),
      'x-total-time': ms(totalMs),
      'x-compute-characters': String(items.reduce((sum, input) => sum + charactersOf(input), 0)),
      'x-compute-tokens': String(tokens),
      'x-tokenization-time': ms(tokenizationMs),
      'x-queue-time': ms(queueMs),
      'x-inference-time': ms(inferenceMs),
    },
  };
}

const charactersPerToken = 250;

/** Counts an item's tokens, and cuts it when it is too long and may be cut; pairs are cut by their engine. */
function prepare<Item extends EngineInput | Pair>(input: Item, truncation: Truncation, deps: TeiDeps): { input: Item; tokens: number } {
  const limit = deps.options.maxInputLength;
  if (!isPair(input) && input.length === 0) throw new TeiError('Empty', 'Input validation error: `inputs` cannot be empty');
  const characters = charactersOf(input);
  if (characters > limit * charactersPerToken) {
    throw new TeiError(
      'Validation',
      `Input validation error: \`inputs\` must have less than ${limit * charactersPerToken} characters. Given: ${characters}`,
    );
  }
  const tokens = countTokens(input, deps);
  if (tokens <= limit) return { input, tokens };
  if (!(truncation.truncate ?? deps.options.autoTruncate)) {
    throw new TeiError('Validation', `Input validation error: \`inputs\` must have less than ${limit} tokens. Given: ${tokens}`);
  }
  const cut = isPair(input) ? input : deps.model.engine.tokenizer.cut(input, limit, truncation.truncation_direction);
  return { input: cut as Item, tokens: limit };
}

const isPair = (input: EngineInput | Pair): input is Pair => typeof input === 'object' && 'query' in input;

function charactersOf(input: EngineInput | Pair): number {
  if (typeof input === 'string') return countCharacters(input);
  return isPair(input) ? countCharacters(input.query) + countCharacters(input.text) : 0;
}

function countTokens(input: EngineInput | Pair, { model }: TeiDeps): number {
  if (!isPair(input)) return model.engine.tokenizer.count(input);
  return model.kind === 'reranker' ? model.engine.countPair(input.query, input.text) : 0;
}

function checkBatchSize(size: number, { options, metrics }: TeiDeps): void {
  if (size <= options.maxClientBatchSize) return;
  metrics.count('te_request_failure', { err: 'batch_size' });
  throw new TeiError('Validation', `batch size ${size} > maximum allowed batch size ${options.maxClientBatchSize}`, 'batch_size');
}

function checkPromptName(name: string | null | undefined): void {
  if (name === null || name === undefined) return;
  throw new TeiError(
    'Validation',
    `Input validation error: \`default-prompt-name\` is set to \`${name}\` but no prompts were found in the Sentence Transformers configuration`,
  );
}

function checkedDimensions(asked: number | null | undefined, available: number): number {
  if (asked === null || asked === undefined) return available;
  if (asked <= 0) throw new TeiError('Validation', 'Input validation error: `dimensions` should be positive');
  if (asked > available) {
    throw new TeiError('Validation', 'Input validation error: `dimensions` should be smaller than the maximum embedding dimension.');
  }
  return asked;
}

function embedderOf({ model }: TeiDeps): EmbeddingEngine {
  if (model.kind !== 'embedding') throw new TeiError('Backend', 'Backend error: Model is not an embedding model', 'model_type');
  return model.engine;
}

/** GET /info, fields in TEI's order. */
export function teiInfo({ options, model, version }: TeiDeps): Record<string, unknown> {
  const labels = { id2label: { '0': 'LABEL_0' }, label2id: { LABEL_0: 0 } };
  return {
    model_id: options.servedModelName,
    model_sha: null,
    model_dtype: 'float32',
    served_model_name: options.servedModelName,
    model_type: model.kind === 'embedding' ? { embedding: { pooling: model.engine.pooling } } : { reranker: labels },
    max_concurrent_requests: options.maxConcurrentRequests,
    max_input_length: options.maxInputLength,
    max_batch_tokens: options.maxBatchTokens,
    max_batch_requests: cpuBatchRequests,
    max_client_batch_size: options.maxClientBatchSize,
    auto_truncate: options.autoTruncate,
    tokenization_workers: 1,
    version,
    sha: null,
    docker_label: `cpu-model-server, ${model.engine.description}`,
  };
}

/** What TEI forces on a CPU. */
export const cpuBatchRequests = 4;

function normalized(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  return length === 0 ? vector : vector.map((value) => value / length);
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index += 1) sum += (left[index] as number) * (right[index] as number);
  return sum;
}

/** Little-endian float32, as every machine this runs on has them. */
const toBase64 = (vector: Float32Array) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
const ms = (value: number) => String(Math.floor(value));
