import { type ConfigProblem, teiLogRules, type WorkerConfig } from '@bluefly/vast-worker';
import { EmbeddingCache } from './embedding-cache.ts';
import { isWorkloadUnit, workloadUnits } from './embedding-workload.ts';
import { createHandlers } from './handlers.ts';

const bytesPerMib = 1_048_576;
const maxCacheMib = 65_536;

/** The worker of this service. Settings of its own that are wrong are listed with those of the worker when it runs. */
export function agentBrainConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const serviceProblems: ConfigProblem[] = [];
  const problem = (name: string, expected: string) =>
    serviceProblems.push({ where: `environment variable ${name}`, expected, found: JSON.stringify(env[name]) });

  const asked = env.WORKLOAD_UNIT || 'items';
  const workloadUnit = isWorkloadUnit(asked) ? asked : 'items';
  if (asked !== workloadUnit) problem('WORKLOAD_UNIT', workloadUnits.join(' or '));

  const cacheText = env.EMBEDDING_CACHE_MIB || '0';
  const cacheMib = /^\d{1,5}$/.test(cacheText) ? Number(cacheText) : Number.NaN;
  const isCacheGood = cacheMib <= maxCacheMib;
  if (!isCacheGood) problem('EMBEDDING_CACHE_MIB', `whole MiB, 0 (no cache) to ${maxCacheMib}`);
  const cache = isCacheGood && cacheMib > 0 ? new EmbeddingCache(cacheMib * bytesPerMib) : undefined;

  return {
    handlers: createHandlers({ workloadUnit, model: env.MODEL_ID, cache }),
    logActionConfig: teiLogRules,
    workloadUnit,
    serviceProblems,
    ...(cache ? { serviceMetrics: cache.metrics } : {}),
  };
}
