import { describe, expect, it } from 'vitest';
import { Account } from './account.ts';

const now = 1_786_000_000;

describe('account', () => {
  it('allows everything without quotas, and counts it', () => {
    const account = new Account('alice');
    for (let count = 0; count < 1_000; count += 1) expect(account.charge(1e9, now)).toBe(0);
    account.settle('served', 5);
    account.settle('cancelled', 2);
    expect(account.usage).toMatchObject({ served: { requests: 1, workload: 5 }, cancelled: { requests: 1, workload: 2 } });
  });

  it('says when the strictest quota allows it, and charges none of them until then', () => {
    const account = new Account('alice', [
      { of: 'requests', limit: 2, per: 'minute' },
      { of: 'workload', limit: 3_600, per: 'hour' },
    ]);
    expect(account.charge(3_600, now)).toBe(0);
    expect(account.charge(100, now)).toBe(100); // one request of two is left, and no workload
    expect(account.charge(1, now)).toBe(1);
    expect(account.usage.over_quota).toEqual({ requests: 2, workload: 101 });
    expect(account.charge(10, now + 10)).toBe(0); // the refused ones were not charged
    expect(account.charge(0, now + 10)).toBeCloseTo(20); // a third request within the minute: half a minute each, ten seconds gone
  });

  it('gives back what the worker refused, and nothing else', () => {
    const account = new Account('alice', [{ of: 'requests', limit: 1, per: 'day' }]);
    account.charge(1, now);
    account.settle('rejected', 1);
    expect(account.charge(1, now)).toBe(0);
    account.settle('errored', 1);
    expect(account.charge(1, now)).toBe(86_400);
  });

  it('keeps what is left when the same quotas are set again, and starts others unused', () => {
    const quotas = [{ of: 'requests', limit: 1, per: 'hour' }] as const;
    const account = new Account('alice', quotas);
    account.charge(1, now);
    account.setQuotas([{ of: 'requests', limit: 1, per: 'hour' }]);
    expect(account.charge(1, now)).toBe(3_600);
    account.setQuotas([{ of: 'requests', limit: 2, per: 'hour' }]);
    expect(account.charge(1, now)).toBe(0);
  });
});
