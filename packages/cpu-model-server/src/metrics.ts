/** Counters, gauges and histograms as Prometheus text. Names and buckets belong to the dialect. */

export type Labels = Record<string, string>;

interface Histogram {
  labels: Labels;
  buckets: readonly number[];
  counts: number[];
  sum: number;
  count: number;
}

export class Metrics {
  readonly #bucketsOf: (name: string) => readonly number[];
  readonly #values = new Map<string, Map<string, number>>();
  readonly #kinds = new Map<string, 'counter' | 'gauge' | 'histogram'>();
  readonly #histograms = new Map<string, Map<string, Histogram>>();

  /** @param bucketsOf upper bounds of a histogram's buckets, ascending */
  constructor(bucketsOf: (name: string) => readonly number[]) {
    this.#bucketsOf = bucketsOf;
  }

  count(name: string, labels: Labels = {}, by = 1): void {
    const values = this.#valuesOf(name, 'counter');
    const key = labelText(labels);
    values.set(key, (values.get(key) ?? 0) + by);
  }

  gauge(name: string, value: number, labels: Labels = {}): void {
    this.#valuesOf(name, 'gauge').set(labelText(labels), value);
  }

  observe(name: string, value: number, labels: Labels = {}): void {
    const histogram = this.histogram(name, labels);
    const place = histogram.buckets.findIndex((bound) => value <= bound);
    if (place !== -1) histogram.counts[place] = (histogram.counts[place] as number) + 1;
    histogram.sum += value;
    histogram.count += 1;
  }

  /** Shows it, though nothing was observed yet. */
  histogram(name: string, labels: Labels = {}): Histogram {
    this.#kinds.set(name, 'histogram');
    const series = getOrMake(this.#histograms, name, () => new Map<string, Histogram>());
    return getOrMake(series, labelText(labels), () => {
      const buckets = this.#bucketsOf(name);
      return { labels, buckets, counts: buckets.map(() => 0), sum: 0, count: 0 };
    });
  }

  /** Empty until something was counted, set, observed or shown. */
  render(): string {
    const lines: string[] = [];
    for (const [name, kind] of [...this.#kinds].sort(([left], [right]) => (left < right ? -1 : 1))) {
      lines.push(`# TYPE ${name} ${kind}`);
      for (const [labels, value] of this.#values.get(name) ?? []) lines.push(`${name}${labels} ${value}`);
      for (const histogram of this.#histograms.get(name)?.values() ?? []) lines.push(...histogramLines(name, histogram));
    }
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  #valuesOf(name: string, kind: 'counter' | 'gauge'): Map<string, number> {
    this.#kinds.set(name, kind);
    return getOrMake(this.#values, name, () => new Map<string, number>());
  }
}

function histogramLines(name: string, { labels, buckets, counts, sum, count }: Histogram): string[] {
  let running = 0;
  const lines = buckets.map((bound, index) => {
    running += counts[index] as number;
    return `${name}_bucket${labelText({ ...labels, le: String(bound) })} ${running}`;
  });
  const plain = labelText(labels);
  return [
    ...lines,
    `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${count}`,
    `${name}_sum${plain} ${sum}`,
    `${name}_count${plain} ${count}`,
  ];
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
