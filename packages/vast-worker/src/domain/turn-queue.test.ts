import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TurnQueue } from './turn-queue.ts';

interface Member {
  name: string;
  caller?: string;
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
    expect(queue.runningCount).toBe(1);
    expect(queue.leave(b)).toBe(c);
  });

  it('runs as many as it may, in order of arrival, and never forgets one, whoever leaves when', () => {
    const action = fc.oneof(fc.constant({ do: 'join' as const }), fc.record({ do: fc.constant('leave' as const), pick: fc.nat() }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(action, { maxLength: 200 }), (capacity, actions) => {
        const queue = new TurnQueue<Member>(capacity);
        const running: Member[] = [];
        const waiting: Member[] = [];
        for (const [index, step] of actions.entries()) {
          if (step.do === 'join') {
            const member = { name: String(index) };
            const runs = running.length < capacity;
            (runs ? running : waiting).push(member);
            expect(queue.join(member)).toBe(runs);
          } else {
            const position = step.pick % Math.max(running.length + waiting.length, 1);
            const isRunning = position < running.length;
            const [member] = isRunning ? running.splice(position, 1) : waiting.splice(position - running.length, 1);
            if (!member) continue;
            const next = isRunning ? waiting.shift() : undefined;
            if (next) running.push(next);
            expect(queue.leave(member)).toBe(next);
            expect(queue.leave(member)).toBeUndefined();
          }
          expect(queue.runningCount).toBe(running.length);
          expect(queue.waitingCount).toBe(waiting.length);
        }
      }),
    );
  });

  it('gives callers their turns by turns, each in order of arrival', () => {
    const queue = new TurnQueue<Member>();
    const names = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'];
    const members: Member[] = names.map((name) => ({ name, caller: name.slice(0, 1) }));
    for (const member of members) queue.join(member);

    const order: string[] = [];
    for (let next = members[0]; next !== undefined; next = queue.leave(next)) order.push(next.name);
    expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  });

  it('lets nobody wait behind more than one member of each other caller', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 }), (arrivals) => {
        const queue = new TurnQueue<Member>();
        const running = { name: 'running', caller: 'before' };
        queue.join(running);
        const counts = new Map<string, number>();
        for (const number of arrivals) {
          const caller = `caller ${number}`;
          counts.set(caller, (counts.get(caller) ?? 0) + 1);
          queue.join({ name: String(counts.get(caller)), caller });
        }
        const order: Member[] = [];
        for (let next = queue.leave(running); next !== undefined; next = queue.leave(next)) order.push(next);
        expect(order).toHaveLength(arrivals.length);
        for (const [position, { name }] of order.entries()) {
          // Whoever has the nth turn of its caller waited for at most n of each other one.
          for (const caller of counts.keys()) {
            expect(order.slice(0, position).filter((earlier) => earlier.caller === caller).length).toBeLessThanOrEqual(Number(name));
          }
        }
      }),
    );
  });
});
