import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addTo, type Placed, removeFrom } from './placed.ts';

describe('a list of items that know their position', () => {
  it('holds what was added and not removed, each where it says, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9)), (steps) => {
        const items: Placed[] = Array.from({ length: 10 }, () => ({}));
        const list: Placed[] = [];
        const expected = new Set<Placed>();
        for (const step of steps) {
          const item = items[step] as Placed;
          if (expected.delete(item)) expect(removeFrom(list, item)).toBe(true);
          else {
            expect(removeFrom(list, item)).toBe(false);
            addTo(list, item);
            expected.add(item);
          }
          expect(new Set(list)).toEqual(expected);
          expect(list.map(({ position }) => position)).toEqual([...list.keys()]);
        }
      }),
    );
  });
});
