import { type ConfigProblem, teiLogRules, type WorkerConfig } from '@bluefly/vast-worker';
import { isWorkloadUnit, workloadUnits } from './embedding-workload.ts';
import { createHandlers } from './handlers.ts';

/** The worker of this service. A setting of its own that is wrong is listed with those of the worker when it runs. */
export function agentBrainConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const asked = env.WORKLOAD_UNIT || 'items';
  const workloadUnit = isWorkloadUnit(asked) ? asked : 'items';
  const serviceProblems: ConfigProblem[] =
    asked === workloadUnit
      ? []
      : [{ where: 'environment variable WORKLOAD_UNIT', expected: workloadUnits.join(' or '), found: JSON.stringify(asked) }];
  return { handlers: createHandlers(workloadUnit, env.MODEL_ID), logActionConfig: teiLogRules, workloadUnit, serviceProblems };
}
