import { createVastWorker } from '@bluefly/vast-worker';
import { complianceEngineConfig } from './config.ts';

await createVastWorker(complianceEngineConfig(process.env)).run();
