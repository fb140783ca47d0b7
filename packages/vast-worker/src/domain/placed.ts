/**
 * An item that knows its position in the one list it is in, so that it can leave from anywhere at no cost. Not in a Set: one through
 * which thousands of items pass leaves old tables behind that keep them from the young generation's collector.
 */
export interface Placed {
  /** For this file. undefined: it is in no list. */
  position?: number | undefined;
}

export function addTo<Item extends Placed>(list: Item[], item: Item): void {
  item.position = list.push(item) - 1;
}

/** The last one takes its position. @returns false when it was in no list */
export function removeFrom<Item extends Placed>(list: Item[], item: Item): boolean {
  const { position } = item;
  if (position === undefined) return false;
  const last = list.pop() as Item;
  if (last !== item) {
    list[position] = last;
    last.position = position;
  }
  item.position = undefined;
  return true;
}
