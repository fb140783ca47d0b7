import { describe, expect, it } from 'vitest';
import { WorkerMetrics } from './metrics.ts';

describe('metrics of a route', () => {
  it('count each ending once, however often they are scraped', async () => {
    const metrics = new WorkerMetrics();
    const route = metrics.forRoute('/embed');
    const linesOf = async (name: string) => (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(name));

    route.ended({ outcome: 'served', reason: 'ok' }, 0.2, 0);
    route.ended({ outcome: 'served', reason: 'ok' }, 0.3, 0.1);
    route.ended({ outcome: 'rejected', reason: 'queue_full' }, 0, 0);
    const served = 'vast_worker_requests_total{route="/embed",outcome="served",reason="ok"}';
    const rejected = 'vast_worker_requests_total{route="/embed",outcome="rejected",reason="queue_full"}';
    expect(await linesOf('vast_worker_requests_total{')).toEqual([`${served} 2`, `${rejected} 1`]);
    expect(await linesOf('vast_worker_requests_total{')).toEqual([`${served} 2`, `${rejected} 1`]);

    route.ended({ outcome: 'served', reason: 'ok' }, 0.5, 0);
    expect(await linesOf('vast_worker_requests_total{')).toEqual([`${served} 3`, `${rejected} 1`]);
    expect(await linesOf('vast_worker_request_duration_seconds_sum')).toEqual([
      'vast_worker_request_duration_seconds_sum{route="/embed"} 1',
    ]);
    expect(await linesOf('vast_worker_queue_wait_seconds_count')).toEqual(['vast_worker_queue_wait_seconds_count{route="/embed"} 3']);
  });
});
