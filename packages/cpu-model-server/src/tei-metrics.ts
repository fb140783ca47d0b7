import { Metrics } from './metrics.ts';

/** The `te_*` metrics: empty until something happened, counters without `_total`, as text-embeddings-inference writes them. */
export const createTeiMetrics = () => new Metrics((name) => (name.endsWith('_duration') ? durationBuckets : sizeBuckets));

const durationBuckets = Array.from({ length: 35 }, (_, index) => 1.5e-5 * 1.5 ** index);
const sizeBuckets = Array.from({ length: 20 }, (_, index) => 2 ** index);
