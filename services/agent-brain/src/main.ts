import { createVastWorker } from '@bluefly/vast-worker';
import { agentBrainConfig } from './config.ts';

await createVastWorker(agentBrainConfig(process.env)).run();
