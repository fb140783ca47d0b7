import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { DurationHistogram } from './duration-histogram.ts';

const bounds = [0.001, 0.1, 1, 10];
const observations = fc.array(
  fc.record({
    route: fc.constantFrom('/embed', '/v1/embeddings', '/a"b\\c'),
    seconds: fc.oneof(fc.constantFrom(0, ...bounds), fc.double({ min: 0, max: 20, noNaN: true })),
  }),
  { minLength: 1 },
);

describe('histogram of durations', () => {
  it('tells a scraper what the library’s own would', async () => {
    await fc.assert(
      fc.asyncProperty(observations, async (observed) => {
        const [ours, theirs] = [new Registry(), new Registry()];
        const histogram = new DurationHistogram(ours, 'wait_seconds', 'How long', bounds);
        const model = new Histogram({
          name: 'wait_seconds',
          help: 'How long',
          labelNames: ['route'],
          buckets: bounds,
          registers: [theirs],
        });
        for (const { route, seconds } of observed) {
          histogram.forRoute(route)(seconds);
          model.observe({ route }, seconds);
        }
        expect(await ours.metrics()).toBe(await theirs.metrics());
        expect(await ours.getMetricsAsJSON()).toMatchObject([{ name: 'wait_seconds', type: 'histogram', aggregator: 'sum' }]);
      }),
    );
  });

  it('shows a route before its first request', async () => {
    const registry = new Registry();
    new DurationHistogram(registry, 'wait_seconds', 'How long', bounds).forRoute('/embed');
    const text = await registry.metrics();
    expect(text).toContain('wait_seconds_bucket{le="+Inf",route="/embed"} 0');
    expect(text).toContain('wait_seconds_count{route="/embed"} 0');
  });
});
