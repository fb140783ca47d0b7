/**
 * Works on all items, some at once, and gives the results as they come. The first failure ends it; whoever catches that aborts what is
 * still under way.
 */
export async function* asTheyEnd<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, void> {
  const running = new Set<Promise<{ result: Result; self: Promise<unknown> }>>();
  let next = 0;
  const startNext = () => {
    const item = items[next] as Item;
    next += 1;
    const self: Promise<{ result: Result; self: Promise<unknown> }> = work(item).then((result) => ({ result, self }));
    self.catch(() => undefined); // nobody may be waiting when it fails
    running.add(self);
  };
  while (next < items.length || running.size > 0) {
    while (next < items.length && running.size < atOnce) startNext();
    const { result, self } = await Promise.race(running);
    running.delete(self as Parameters<typeof running.delete>[0]);
    yield result;
  }
}
