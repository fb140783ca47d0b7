import { vllmLogRules, type WorkerConfig } from '@bluefly/vast-worker';
import { createHandlers } from './handlers.ts';
import { readServiceSettings } from './settings.ts';

/** The worker of this service. Settings of its own that are wrong are listed with those of the worker when it runs. */
export function rfpAutomationConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const { problems, ...settings } = readServiceSettings(env);
  return {
    modelServerPort: 8010,
    workerPort: 3010,
    handlers: createHandlers(settings),
    logActionConfig: vllmLogRules,
    workloadUnit: settings.workloadUnit,
    serviceProblems: problems,
  };
}
