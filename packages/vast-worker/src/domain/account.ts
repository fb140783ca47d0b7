import type { Outcome } from './load-ledger.ts';
import { TokenBucket } from './token-bucket.ts';

/** What a caller of direct mode may use, and has used since this worker's start. */

export const quotaPeriods = { minute: 60, hour: 3_600, day: 86_400 } as const;

export interface Quota {
  of: 'requests' | 'workload';
  limit: number;
  per: keyof typeof quotaPeriods;
}

/** How requests of callers end; `over_quota` ones were never let in, and are in no book that is reported. */
export const usageOutcomes = ['served', 'errored', 'cancelled', 'rejected', 'over_quota'] as const;
export type UsageOutcome = (typeof usageOutcomes)[number];

export interface Usage {
  requests: number;
  workload: number;
}

/** Who a request is from, as far as its trust source tells. */
export interface Caller {
  /** Told apart from others by admission: `key:alice`. */
  readonly id: string;
  readonly account: Account;
}

export class Account {
  /** For metrics: the id of a key, or the name of a trust source. Never a key, never a person. */
  readonly name: string;
  readonly usage = Object.fromEntries(usageOutcomes.map((outcome) => [outcome, { requests: 0, workload: 0 }])) as Record<
    UsageOutcome,
    Usage
  >;
  #quotas: readonly Quota[] = [];
  #buckets: readonly { of: Quota['of']; bucket: TokenBucket }[] = [];

  constructor(name: string, quotas: readonly Quota[] = []) {
    this.name = name;
    this.setQuotas(quotas);
  }

  /** Other quotas than before start unused. */
  setQuotas(quotas: readonly Quota[]): void {
    if (JSON.stringify(quotas) === JSON.stringify(this.#quotas)) return;
    this.#quotas = quotas;
    this.#buckets = quotas.map(({ of, limit, per }) => ({ of, bucket: new TokenBucket(limit, quotaPeriods[per]) }));
  }

  /**
   * Charges one request to every quota, or to none.
   * @returns 0, or the seconds until the quotas allow it; then it is noted as over quota
   */
  charge(workload: number, nowSeconds: number): number {
    const wait = Math.max(0, ...this.#buckets.map(({ of, bucket }) => bucket.secondsUntil(amountOf(of, workload), nowSeconds)));
    if (wait > 0) this.#note('over_quota', workload);
    else for (const { of, bucket } of this.#buckets) bucket.take(amountOf(of, workload), nowSeconds);
    return wait;
  }

  /** A charged request is over. What the worker itself refused costs nothing. */
  settle(outcome: Outcome, workload: number): void {
    this.#note(outcome, workload);
    if (outcome === 'rejected') for (const { of, bucket } of this.#buckets) bucket.giveBack(amountOf(of, workload));
  }

  #note(outcome: UsageOutcome, workload: number): void {
    const usage = this.usage[outcome];
    usage.requests += 1;
    usage.workload += workload;
  }
}

const amountOf = (of: Quota['of'], workload: number) => (of === 'requests' ? 1 : workload);
