import { hash } from 'node:crypto';
import type { ModelServerInstance, RespondInput } from '@bluefly/vast-worker';
import type { Dialect } from './dialects.ts';
import type { Embedding, EmbeddingCache } from './embedding-cache.ts';
import { batchLimitOf } from './model-info.ts';
import { callParts, charactersHeader, figureHeaders, tokensHeader } from './split-batch.ts';

/** Requests for embeddings, answered from the cache as far as it goes; only what is missing is asked of the model server. */

/** The model server refused what was missing: its answer is the answer. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly answer: Response;

  constructor(answer: Response) {
    super(`the model server answered ${answer.status}`);
    this.answer = answer;
  }
}

/** @returns undefined for what only the model server itself can judge: it is to be passed on as it came */
export async function respondFromCache(
  cache: EmbeddingCache,
  dialect: Dialect,
  { payload, callModel, identifyModelServer, signal }: RespondInput,
): Promise<Response | undefined> {
  const { [dialect.itemsField]: given, ...options } = payload;
  const items = itemsOf(given);
  if (!items || !Object.values(options).every(isPlain)) return undefined;
  const modelServer = await identifyModelServer(); // each time: it may be another model by now
  if (!modelServer) return undefined;

  let tokens = 0;
  let computed = 0;
  const figures = new Map([
    [charactersHeader, 0],
    [tokensHeader, 0],
  ]);
  const compute = async (places: readonly number[]): Promise<Embedding[]> => {
    const wanted = places.map((place) => items[place]);
    computed += wanted.length;
    const parts = await callParts(dialect, payload, wanted, batchLimitOf(modelServer.info), callModel);
    if (parts instanceof Response) throw new Refused(parts);
    for (const [name, sum] of parts.figures) figures.set(name, (figures.get(name) ?? 0) + sum);
    const embeddings = parts.answers.flatMap((answer) => dialect.embeddingsOf(answer) ?? []);
    if (embeddings.length !== wanted.length) throw new Refused(notUnderstood());
    tokens += parts.answers.reduce<number>((sum, answer) => sum + dialect.tokensOf(answer), 0);
    return embeddings;
  };
  try {
    const embeddings = await cache.take(keysOf(modelServer, dialect, options, items), compute, signal);
    const isOfTwoTimes = computed > 0 && computed < items.length; // was it one model all along?
    if (isOfTwoTimes && (await identifyModelServer())?.number !== modelServer.number) return undefined;
    return new Response(dialect.answerOf(embeddings, tokens), {
      headers: [['content-type', 'application/json'], ...figureHeaders(figures)],
    });
  } catch (error) {
    if (error instanceof Refused) return error.answer;
    throw error;
  }
}

/** Texts or lists of token ids, one or many; undefined: anything else. */
function itemsOf(given: unknown): (string | number[])[] | undefined {
  if (isItem(given)) return [given];
  return Array.isArray(given) && given.length > 0 && given.every(isItem) ? given : undefined;
}

const isItem = (item: unknown): item is string | number[] =>
  typeof item === 'string' || (Array.isArray(item) && item.length > 0 && item.every(Number.isSafeInteger));

/** What a key tells apart as the model server would: no `1e999` (null when written again), no integer that was rounded, nothing nested. */
const isPlain = (option: unknown) =>
  option === null ||
  typeof option === 'string' ||
  typeof option === 'boolean' ||
  (typeof option === 'number' && Number.isFinite(option) && Math.abs(option) <= Number.MAX_SAFE_INTEGER);

/** Of everything that an embedding depends on: the model, the API, every option, and the item. `user` is for statistics only. */
function keysOf(
  modelServer: ModelServerInstance,
  { path }: Dialect,
  { user: _user, ...options }: Record<string, unknown>,
  items: readonly unknown[],
): string[] {
  const named = Object.entries(options).sort(([left], [right]) => (left < right ? -1 : 1));
  const context = hash('sha256', JSON.stringify([modelServer, path, named]));
  return items.map((item) => hash('sha256', context + JSON.stringify(item), 'base64'));
}

function notUnderstood(): Response {
  const message = 'The model server’s answer holds no embeddings.';
  return Response.json(
    { error: { code: 'MODEL_SERVER_NOT_UNDERSTOOD', message, type: 'server_error', param: null }, message },
    { status: 502 },
  );
}
