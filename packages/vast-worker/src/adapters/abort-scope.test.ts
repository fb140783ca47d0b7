import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AbortScope } from './abort-scope.ts';

describe('abort scope', () => {
  it('aborts with its parent, for the same reason', () => {
    const parent = new AbortController();
    using scope = new AbortScope(parent.signal);
    const reason = new Error('drained');

    parent.abort(reason);
    expect(scope.signal.reason).toBe(reason);
  });

  it('is aborted from the start when its parent is', () => {
    const reason = new Error('drained');
    using scope = new AbortScope(AbortSignal.abort(reason));
    expect(scope.signal.reason).toBe(reason);
  });

  it('aborts after its time as AbortSignal.timeout does', async () => {
    using scope = new AbortScope(new AbortController().signal, 1);
    const late = new Promise((resolve) => scope.signal.addEventListener('abort', resolve));
    const keepsTheProcess = setTimeout(() => undefined, 10_000);

    await late;
    clearTimeout(keepsTheProcess);
    expect(scope.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('adds one listener to its parent, however many scopes there are and were', () => {
    const parent = new AbortController();
    using _open = new AbortScope(parent.signal);
    for (let count = 0; count < 10; count += 1) new AbortScope(parent.signal, 60_000)[Symbol.dispose]();
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1);
  });

  it('leaves nobody waiting when the work is over', () => {
    const scope = new AbortScope(new AbortController().signal);
    scope[Symbol.dispose]();
    expect(scope.signal.aborted).toBe(true);
  });

  it('aborts with its parent whichever of its siblings are over', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.array(fc.nat()), (isOver, order) => {
        const parent = new AbortController();
        const scopes = isOver.map(() => new AbortScope(parent.signal));
        const ending = scopes.filter((_, index) => isOver[index]).toSorted((a, b) => rank(order, scopes, a) - rank(order, scopes, b));
        for (const scope of [...ending, ...ending]) scope[Symbol.dispose]();

        const reason = new Error('drained');
        parent.abort(reason);
        expect(scopes.map(({ signal }) => signal.reason === reason)).toEqual(isOver.map((over) => !over));
      }),
    );
  });
});

const rank = (order: number[], scopes: AbortScope[], scope: AbortScope) => order[scopes.indexOf(scope)] ?? 0;
