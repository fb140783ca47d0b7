import { createVastWorker } from '@bluefly/vast-worker';
import { rfpAutomationConfig } from './config.ts';

await createVastWorker(rfpAutomationConfig(process.env)).run();
