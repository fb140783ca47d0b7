/** The `te_*` metrics: Prometheus text, empty until something happened, counters without `_total`, as TEI writes them. */

type Labels = Record<string, string>;

const durationBuckets = Array.from({ length: 35 }, (_, index) => 1.5e-5 * 1.5 ** index);
const sizeBuckets = Array.from({ length: 20 }, (_, index) => 2 ** index);

interface Histogram {
  buckets: readonly number[];
  counts: number[];
  sum: number;
  count: number;
}

export class TeiMetrics {
  readonly #counters = new Map<string, number>();
  readonly #gauges = new Map<string, number>();
  readonly #histograms = new Map<string, Histogram>();

  count(name: string, labels: Labels = {}): void {
    const key = name + labelText(labels);
    this.#counters.set(key, (this.#counters.get(key) ?? 0) + 1);
  }

  gauge(name: string, value: number): void {
    this.#gauges.set(name, value);
  }

  /** Names that end in `_duration` are seconds, others sizes. */
  observe(name: string, value: number): void {
    let histogram = this.#histograms.get(name);
    if (!histogram) {
      const buckets = name.endsWith('_duration') ? durationBuckets : sizeBuckets;
      histogram = { buckets, counts: buckets.map(() => 0), sum: 0, count: 0 };
      this.#histograms.set(name, histogram);
    }
    const place = histogram.buckets.findIndex((bound) => value <= bound);
    if (place !== -1) histogram.counts[place] = (histogram.counts[place] as number) + 1;
    histogram.sum += value;
    histogram.count += 1;
  }

  render(): string {
    const lines: string[] = [];
    const typed = new Set<string>();
    const declare = (name: string, kind: string) => {
      if (!typed.has(name)) lines.push(`# TYPE ${name} ${kind}`);
      typed.add(name);
    };
    for (const [key, value] of [...this.#counters].sort(byKey)) {
      declare(key.replace(/\{.*/, ''), 'counter');
      lines.push(`${key} ${value}`);
    }
    for (const [name, value] of this.#gauges) {
      declare(name, 'gauge');
      lines.push(`${name} ${value}`);
    }
    for (const [name, histogram] of this.#histograms) {
      declare(name, 'histogram');
      let running = 0;
      histogram.buckets.forEach((bound, index) => {
        running += histogram.counts[index] as number;
        lines.push(`${name}_bucket{le="${bound}"} ${running}`);
      });
      lines.push(`${name}_bucket{le="+Inf"} ${histogram.count}`, `${name}_sum ${histogram.sum}`, `${name}_count ${histogram.count}`);
    }
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }
}

const byKey = ([left]: [string, number], [right]: [string, number]) => (left < right ? -1 : 1);

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
