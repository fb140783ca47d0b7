import type { CallModel } from '@bluefly/vast-worker';
import { z } from 'zod';

/** Rankings that are more than the model server takes at once: cut into parts, called a few at a time, scores collected. */

/** One call of the model server: one query and some of its texts. */
export interface Part {
  query: string;
  texts: readonly string[];
  /** Index of the first text in the query's whole list. */
  start: number;
}

export interface PartLimits {
  maxTexts: number;
  /** Of the call's JSON. */
  maxBytes: number;
}

/**
 * text-embeddings-inference's default `--payload-limit`, less room for the other fields. `/info` does not tell it; a
 * server with a lower limit answers 413, which is passed on.
 */
export const maxPartBytes = 1_990_000;

/** In order, each part as full as the limits let it be. A text that is over the limit on its own is for the server to refuse. */
export function splitTexts(query: string, texts: readonly string[], { maxTexts, maxBytes }: PartLimits): Part[] {
  const roomForTexts = maxBytes - jsonBytes(query);
  const parts: Part[] = [];
  let start = 0;
  let bytes = 0;
  for (const [index, text] of texts.entries()) {
    const more = jsonBytes(text) + 1; // a comma
    if (index > start && (index - start >= maxTexts || bytes + more > roomForTexts)) {
      parts.push({ query, texts: texts.slice(start, index), start });
      start = index;
      bytes = 0;
    }
    bytes += more;
  }
  if (start < texts.length) parts.push({ query, texts: texts.slice(start), start });
  return parts;
}

const jsonBytes = (text: string) => Buffer.byteLength(JSON.stringify(text));

export interface RankedText {
  /** In the query's whole list. */
  index: number;
  score: number;
  /** When the call asked for it. */
  text?: string | undefined;
}

export interface RankedParts {
  /** Of each part, in the order of the parts; within a part as the model server ranked them. */
  ranked: RankedText[][];
  /** The model server's counts, summed; undefined when it gives none. */
  tokens: number | undefined;
  characters: number | undefined;
}

/** The model server answered one of the calls with something other than a ranking. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly answer: Response;

  constructor(answer: Response) {
    super(`the model server answered ${answer.status}`);
    this.answer = answer;
  }
}

/** A 2xx that is not what `/rerank` answers. */
export class NotARanking extends Error {
  override readonly name = 'NotARanking';
}

/** Parts under way at once: enough to keep the model server's batches full, not enough to crowd others out. */
const partsAtOnce = 4;

/**
 * Calls the model server once per part. The first call that fails fails the whole, as in the model server itself; those
 * still under way end with the request.
 * @throws CallRefused, NotARanking; WorkerError as `callModel` does
 */
export async function rankParts(
  parts: readonly Part[],
  fields: Readonly<Record<string, unknown>>,
  callModel: CallModel,
): Promise<RankedParts> {
  const result: RankedParts = { ranked: parts.map(() => []), tokens: undefined, characters: undefined };
  let next = 0;
  let hasFailed = false;

  async function callNext(): Promise<void> {
    while (next < parts.length && !hasFailed) {
      const index = next;
      next += 1;
      try {
        result.ranked[index] = await rankPart(parts[index] as Part, fields, callModel, result);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(partsAtOnce, parts.length) }, callNext));
  return result;
}

async function rankPart(
  { query, texts, start }: Part,
  fields: Readonly<Record<string, unknown>>,
  callModel: CallModel,
  sums: RankedParts,
): Promise<RankedText[]> {
  const answer = await callModel('/rerank', { json: { ...fields, query, texts } });
  if (!answer.ok) throw new CallRefused(answer);
  const ranking = rankingSchema.safeParse(await answer.json().catch(() => undefined));
  if (!ranking.success || !isPermutation(ranking.data, texts.length)) throw new NotARanking('the answer ranks other texts than were sent');
  sums.tokens = added(sums.tokens, answer.headers.get('x-compute-tokens'));
  sums.characters = added(sums.characters, answer.headers.get('x-compute-characters'));
  return ranking.data.map((ranked) => ({ ...ranked, index: ranked.index + start }));
}

/** Source: `POST /rerank` of text-embeddings-inference. */
const rankingSchema = z.array(z.object({ index: z.int().min(0), score: z.number(), text: z.string().optional() }));

function isPermutation(ranking: readonly RankedText[], length: number): boolean {
  const indexes = new Set(ranking.map(({ index }) => index));
  return ranking.length === length && indexes.size === length && ranking.every(({ index }) => index < length);
}

const added = (sum: number | undefined, header: string | null) => (header === null ? sum : (sum ?? 0) + Number(header));

/** The sums as text-embeddings-inference writes them. */
export function figureHeaders({ tokens, characters }: RankedParts): Record<string, string> {
  return {
    ...(characters === undefined ? {} : { 'x-compute-characters': String(characters) }),
    ...(tokens === undefined ? {} : { 'x-compute-tokens': String(tokens) }),
  };
}
