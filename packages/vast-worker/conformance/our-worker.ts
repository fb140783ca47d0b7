import { createVastWorker, type HandlerConfig } from '../src/index.ts';

/** Our worker, configured as official-worker.py is. */

const maxQueueTime = Number(process.env.SUBJECT_MAX_QUEUE_TIME ?? '30');
const workloadCalculator: HandlerConfig['workloadCalculator'] = (payload) => (payload.workload as number | undefined) ?? 1;

const worker = createVastWorker({
  modelServerUrl: 'http://127.0.0.1',
  ...(process.env.SUBJECT_NO_HEALTH ? {} : { modelHealthcheckUrl: '/health' }),
  ...(process.env.SUBJECT_PATIENCE ? { firstByteTimeout: Number(process.env.SUBJECT_PATIENCE) } : {}), // the official one has no such setting
  handlers: [
    {
      route: '/test',
      allowParallelRequests: true,
      ...(process.env.SUBJECT_CONCURRENCY ? { maxConcurrency: Number(process.env.SUBJECT_CONCURRENCY) } : {}), // nor this one
      maxQueueTime,
      workloadCalculator,
      benchmarkConfig: { dataset: [{ workload: 100 }], runs: 1, concurrency: 1, doWarmup: false },
    },
    { route: '/serial', maxQueueTime, workloadCalculator },
    { route: '/serial-too', maxQueueTime, workloadCalculator, lane: 'of its own' },
  ],
  logActionConfig: { onLoad: ['model is loaded'], onError: ['RuntimeError'] },
});
await worker.run();
