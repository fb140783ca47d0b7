import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TurnQueue } from './turn-queue.ts';

interface Member {
  name: string;
}

describe('turn queue', () => {
  it('gives the first member its turn at once and the next one when the first leaves', () => {
    const queue = new TurnQueue<Member>();
    const [a, b] = [{ name: 'a' }, { name: 'b' }];

    expect(queue.join(a)).toBe(true);
    expect(queue.join(b)).toBe(false);
    expect(queue.leave(a)).toBe(b);
    expect(queue.leave(b)).toBeUndefined();
  });

  it('skips a member that left while it waited', () => {
    const queue = new TurnQueue<Member>();
    const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    for (const member of [a, b, c]) queue.join(member);

    expect(queue.leave(b)).toBeUndefined();
    expect(queue.leave(a)).toBe(c);
  });

  it('hands the turn on once when a member leaves twice', () => {
    const queue = new TurnQueue<Member>();
    const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
    for (const member of [a, b, c]) queue.join(member);

    expect(queue.leave(a)).toBe(b);
    expect(queue.leave(a)).toBeUndefined();
    expect(queue.running).toBe(b);
  });

  it('runs one member at a time, in order of arrival, and never forgets one, whoever leaves when', () => {
    const action = fc.oneof(
      fc.constant({ do: 'join' as const }),
      fc.constant({ do: 'finish' as const }),
      fc.record({ do: fc.constant('giveUp' as const), pick: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const queue = new TurnQueue<Member>();
        const model: Member[] = []; // head runs, the rest wait
        for (const [index, step] of actions.entries()) {
          if (step.do === 'join') {
            const member = { name: String(index) };
            model.push(member);
            expect(queue.join(member)).toBe(model.length === 1);
          } else {
            const position = step.do === 'finish' ? 0 : step.pick % Math.max(model.length, 1);
            const [member] = model.splice(position, 1);
            if (member) expect(queue.leave(member)).toBe(position === 0 ? model[0] : undefined);
          }
          expect(queue.running).toBe(model[0]);
          expect(queue.waitingCount).toBe(Math.max(model.length - 1, 0));
        }
      }),
    );
  });
});
