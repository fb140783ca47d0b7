import { createVastWorker } from '@bluefly/vast-worker';

const worker = createVastWorker({
  modelServerUrl: 'http://127.0.0.1',
  modelServerPort: 8000,
  workerPort: 3000,
  handlers: [{
    route: '/v1/embeddings',
    workloadCalculator: (data) => (data.input as string[]).length,
    allowParallelRequests: true,
    maxQueueTime: 300, // seconds
  }],
  logActionConfig: { onLoad: ['Application startup complete'], onError: ['RuntimeError', 'CUDA out of memory'] },
});
await worker.run();
