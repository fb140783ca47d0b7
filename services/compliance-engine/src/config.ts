import { type ConfigProblem, teiLogRules, type WorkerConfig } from '@bluefly/vast-worker';
import { createHandlers } from './handlers.ts';
import { isWorkloadUnit, workloadUnits } from './workload.ts';

/** Where this service listens and looks, unless the environment says otherwise: beside the other services of one machine. */
const workerPort = 3020;
const modelServerPort = 8020;

/** The worker of this service. A setting of its own that is wrong is listed with those of the worker when it runs. */
export function complianceEngineConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const asked = env.WORKLOAD_UNIT || 'documents';
  const workloadUnit = isWorkloadUnit(asked) ? asked : 'documents';
  const serviceProblems: ConfigProblem[] =
    asked === workloadUnit
      ? []
      : [{ where: 'environment variable WORKLOAD_UNIT', expected: workloadUnits.join(' or '), found: JSON.stringify(asked) }];
  return {
    workerPort,
    modelServerPort,
    handlers: createHandlers(workloadUnit),
    logActionConfig: teiLogRules,
    workloadUnit,
    serviceProblems,
  };
}
