import { getEventListeners } from 'node:events';
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

  it('leaves nothing with its parent, and nobody waiting, when the work is over', () => {
    const parent = new AbortController();
    const scope = new AbortScope(parent.signal, 60_000);
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1);

    scope[Symbol.dispose]();
    expect(getEventListeners(parent.signal, 'abort')).toHaveLength(0);
    expect(scope.signal.aborted).toBe(true);
  });
});
