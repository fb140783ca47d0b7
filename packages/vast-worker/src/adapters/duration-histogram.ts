import { Histogram, type Registry } from 'prom-client';

/** What is kept of the durations of one route. */
interface Observations {
  /** By bucket; the last one is of those over every bound. */
  counts: number[];
  sumSeconds: number;
}

/**
 * A prom-client histogram of durations by route that counts into plain numbers. The library's own makes texts of the labels
 * and of the bound for every observation: two of them took 2 % of a small request's CPU.
 */
export class DurationHistogram extends Histogram<'route'> {
  readonly #about: { name: string; help: string };
  readonly #bounds: readonly number[];
  readonly #routes = new Map<string, Observations>();

  /** @param bounds of the buckets, ascending seconds */
  constructor(registry: Registry, name: string, help: string, bounds: readonly number[]) {
    super({ name, help, labelNames: ['route'], registers: [registry] });
    this.#about = { name, help };
    this.#bounds = bounds;
  }

  /** @returns takes one duration; seconds */
  forRoute(route: string): (seconds: number) => void {
    const bounds = this.#bounds;
    const kept = this.#routes.get(route) ?? { counts: [...bounds, Number.POSITIVE_INFINITY].map(() => 0), sumSeconds: 0 };
    this.#routes.set(route, kept);
    return (seconds) => {
      let bucket = 0;
      while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket += 1;
      kept.counts[bucket] = (kept.counts[bucket] as number) + 1;
      kept.sumSeconds += seconds;
    };
  }

  /** What the library's text and its `get` are made of; its types do not know it. */
  async getForPromString() {
    return { ...this.#about, type: 'histogram', aggregator: 'sum', values: [...this.#values()] };
  }

  *#values() {
    const { name } = this.#about;
    for (const [route, { counts, sumSeconds }] of this.#routes) {
      const sharedLabels = { route };
      let count = 0;
      for (const [bucket, le] of [...this.#bounds, '+Inf'].entries()) {
        count += counts[bucket] as number;
        yield { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count };
      }
      yield { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sumSeconds };
      yield { metricName: `${name}_count`, labels: {}, sharedLabels, value: count };
    }
  }
}
