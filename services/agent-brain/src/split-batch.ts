import type { CallModel } from '@bluefly/vast-worker';

/** Requests with more items than the model server takes at once: split, called in turn, and merged back in order. */

/** How one API names its items and puts partial answers together. */
export interface BatchDialect {
  path: string;
  itemsField: string;
  /** Merges the JSON of answered parts; `starts` are the first item's index of each. */
  merge(answers: unknown[], starts: number[]): unknown;
}

/** Parts under way at once: enough to keep the model server's batches full, not enough to crowd others out. */
const partsAtOnce = 4;

/**
 * Calls the model server once per `limit` items. The first part that fails is the answer of the whole; there are no
 * partial answers, as from the model server itself.
 */
export async function callInParts(
  dialect: BatchDialect,
  payload: Record<string, unknown>,
  items: readonly unknown[],
  limit: number,
  callModel: CallModel,
): Promise<Response> {
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
  if (failure) return failure;
  return Response.json(dialect.merge(answers, starts), {
    headers: [...figures].map(([name, sum]) => [name, String(sum)] as [string, string]),
  });
}

/** TEI's counts add up over parts; its times do not. */
function addFigures(figures: Map<string, number>, headers: Headers): void {
  for (const name of ['x-compute-characters', 'x-compute-tokens']) {
    const value = headers.get(name);
    if (value !== null) figures.set(name, (figures.get(name) ?? 0) + Number(value));
  }
}
