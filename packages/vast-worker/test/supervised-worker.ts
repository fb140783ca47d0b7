import { createVastWorker } from '../src/index.ts';

/** A worker as a process of its own, whose model server the environment names. */
await createVastWorker({
  handlers: [
    { route: '/embed', allowParallelRequests: true, benchmarkConfig: { dataset: [{ inputs: 'hello' }], runs: 1, concurrency: 1 } },
  ],
}).run();
