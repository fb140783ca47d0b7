import type { CallModel } from '@bluefly/vast-worker';
import type { Dialect } from './dialects.ts';

/** Requests with more items than the model server takes at once: split, called in turn, and merged back in order. */

/** Parts under way at once: enough to keep the model server's batches full, not enough to crowd others out. */
const partsAtOnce = 4;

export interface PartAnswers {
  /** JSON of each part. */
  answers: unknown[];
  /** Index of each part's first item. */
  starts: number[];
  /** TEI's counts, summed, by header. */
  figures: ReadonlyMap<string, number>;
}

/**
 * Calls the model server once per `limit` items. The first part that fails is the answer of the whole; there are no
 * partial answers, as from the model server itself.
 */
export async function callParts(
  dialect: Dialect,
  payload: Record<string, unknown>,
  items: readonly unknown[],
  limit: number,
  callModel: CallModel,
): Promise<PartAnswers | Response> {
  const starts = Array.from({ length: Math.ceil(items.length / limit) }, (_, index) => index * limit);
  const answers: unknown[] = starts.map(() => undefined);
  const figures = new Map<string, number>();
  let failure: Response | undefined;
  let next = 0;

  async function callNext(): Promise<void> {
    while (next < starts.length && !failure) {
      const part = next;
      next += 1;
      const start = starts[part] as number;
      const json = { ...payload, [dialect.itemsField]: items.slice(start, start + limit) };
      const answer = await callModel(dialect.path, { json });
      if (answer.ok) {
        answers[part] = await answer.json();
        addFigures(figures, answer.headers);
      } else {
        failure ??= answer;
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(partsAtOnce, starts.length) }, callNext));
  return failure ?? { answers, starts, figures };
}

export async function callInParts(...call: Parameters<typeof callParts>): Promise<Response> {
  const [dialect] = call;
  const parts = await callParts(...call);
  if (parts instanceof Response) return parts;
  return Response.json(dialect.merge(parts.answers, parts.starts), { headers: figureHeaders(parts.figures) });
}

export const figureHeaders = (figures: ReadonlyMap<string, number>): [string, string][] =>
  [...figures].map(([name, sum]) => [name, String(sum)]);

export const tokensHeader = 'x-compute-tokens';
export const charactersHeader = 'x-compute-characters';

/** TEI's counts add up over parts; its times do not. */
function addFigures(figures: Map<string, number>, headers: Headers): void {
  for (const name of [charactersHeader, tokensHeader]) {
    const value = headers.get(name);
    if (value !== null) figures.set(name, (figures.get(name) ?? 0) + Number(value));
  }
}
