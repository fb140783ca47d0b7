import type { ConfigProblem } from '@bluefly/vast-worker';
import { type WorkloadUnit, workloadUnits } from './generation-workload.ts';

/** What this service itself reads from the environment. */

/** How requirements are read: by the model, or by rules that need none. The caller of the worker is told which. */
export const readingMethods = ['model', 'rules'] as const;
export type ReadingMethod = (typeof readingMethods)[number];

export interface ServiceSettings {
  workloadUnit: WorkloadUnit;
  method: ReadingMethod;
}

/**
 * Empty counts as not set. `RFP_METHOD` has no default: a document read by the other method than expected looks like an answer
 * all the same. Where there is a problem the value is only a stand-in: the worker lists the problems and does not start.
 */
export function readServiceSettings(env: NodeJS.ProcessEnv): ServiceSettings & { problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const read = <Name extends string>(variable: string, names: readonly Name[], fallback: Name | undefined): Name => {
    const asked = env[variable] || fallback;
    if (asked !== undefined && isOneOf(names, asked)) return asked;
    const found = asked === undefined ? 'nothing' : JSON.stringify(asked);
    problems.push({ where: `environment variable ${variable}`, expected: names.join(' or '), found });
    return names[0] as Name;
  };
  const workloadUnit = read('WORKLOAD_UNIT', workloadUnits, 'max_tokens');
  const method = read('RFP_METHOD', readingMethods, undefined);
  return { workloadUnit, method, problems };
}

const isOneOf = <Name extends string>(names: readonly Name[], text: string): text is Name => (names as readonly string[]).includes(text);
