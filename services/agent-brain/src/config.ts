import { ConfigError, teiLogRules, type WorkerConfig } from '@bluefly/vast-worker';
import { isWorkloadUnit, workloadUnits } from './embedding-workload.ts';
import { createHandlers } from './handlers.ts';

/** The worker of this service. @throws ConfigError when WORKLOAD_UNIT is not one we can count in */
export function agentBrainConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const workloadUnit = env.WORKLOAD_UNIT || 'items';
  if (!isWorkloadUnit(workloadUnit)) {
    throw new ConfigError([
      { where: 'environment variable WORKLOAD_UNIT', expected: workloadUnits.join(' or '), found: JSON.stringify(workloadUnit) },
    ]);
  }
  return { handlers: createHandlers(workloadUnit), logActionConfig: teiLogRules, workloadUnit };
}
