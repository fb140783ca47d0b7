import { describe, expect, it } from 'vitest';
import { bindingProblem, ReplayWindow } from './grant-binding.ts';

const auth = { cost: 1, endpoint: 'prod', reqnum: 1, request_idx: 2, signature: 's', url: 'https://203.0.113.10:41023' };

describe('binding', () => {
  it.each([
    ['https://203.0.113.10:41023', undefined],
    ['HTTPS://203.0.113.10:41023/', undefined],
    ['http://203.0.113.10:41023', 'other-url'],
    ['https://203.0.113.10:41024', 'other-url'],
    ['https://203.0.113.11:41023', 'other-url'],
    [undefined, undefined],
  ])('a grant for another address: own %s → %s', (url, problem) => {
    expect(bindingProblem(auth, { url, endpoint: undefined })).toBe(problem);
  });

  it('a grant for another endpoint', () => {
    expect(bindingProblem(auth, { url: undefined, endpoint: 'prod' })).toBeUndefined();
    expect(bindingProblem(auth, { url: undefined, endpoint: 'test' })).toBe('other-endpoint');
  });

  it('takes an address that is none for another one', () => {
    expect(bindingProblem({ ...auth, url: 'rubbish' }, { url: auth.url, endpoint: undefined })).toBe('other-url');
  });
});

describe('replay window', () => {
  it('lets retries through, and nothing later', () => {
    const window = new ReplayWindow(60);
    expect([0, 1, 60].map((now) => window.allows(auth, now))).toEqual([true, true, true]);
    expect(window.allows(auth, 61)).toBe(false);
    expect(window.allows({ ...auth, reqnum: 2 }, 61)).toBe(true);
  });

  it('forgets the oldest first', () => {
    const window = new ReplayWindow(1, 2);
    for (const reqnum of [1, 2, 3]) window.allows({ ...auth, reqnum }, 0);
    expect([1, 3].map((reqnum) => window.allows({ ...auth, reqnum }, 10))).toEqual([true, false]);
  });
});
