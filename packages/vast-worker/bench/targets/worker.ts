import { WorkerMetrics } from '../../src/adapters/metrics.ts';
import { createVastWorker, type HandlerConfig } from '../../src/index.ts';

/** Our worker with everything on, configured as the official one of the conformance suite. `BENCH_WITHOUT` leaves a part out. */

const workloadCalculator: HandlerConfig['workloadCalculator'] = (payload) => (payload.workload as number | undefined) ?? 1;

const worker = createVastWorker(
  {
    modelServerUrl: 'http://127.0.0.1',
    modelHealthcheckUrl: '/health',
    handlers: [
      {
        route: '/test',
        allowParallelRequests: true,
        maxQueueTime: null,
        workloadCalculator,
        benchmarkConfig: { dataset: [{ workload: 100 }], runs: 1, concurrency: 1, doWarmup: false },
      },
    ],
    logActionConfig: { onLoad: ['model is loaded'] },
  },
  process.env.BENCH_WITHOUT === 'metrics' ? { parts: { metrics: withoutRouteMetrics() } } : {},
);
await worker.run();

/** The registry is still there; nothing is counted on the path of a request. */
function withoutRouteMetrics(): WorkerMetrics {
  const metrics = new WorkerMetrics();
  metrics.forRoute = () => ({ ended: () => undefined, calculatorFailed: () => undefined });
  return metrics;
}
