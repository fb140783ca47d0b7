import { checkDisk, checkGpu, checkModelServerCommand } from './checks.ts';
import type { ResolvedConfig } from './config.ts';
import type { Finding } from './finding.ts';

/** This machine cannot do what is asked of it. Printed without a stack: the fault is not in this code. */
export class FitnessError extends Error {
  override readonly name = 'FitnessError';

  constructor(findings: readonly Finding[]) {
    super(`This machine is not fit for the worker:\n${findings.map(({ found, todo }) => `  - ${found}: ${todo}`).join('\n')}`);
    this.stack = `${this.name}: ${this.message}`;
  }
}

/** Before a port is opened: what would otherwise show minutes later, if at all. @throws FitnessError with everything that is wrong */
export async function requireFitness(config: ResolvedConfig, env: NodeJS.ProcessEnv): Promise<void> {
  const { supervised, requiresGpu, minFreeDiskGib, modelStateDir } = config;
  const findings = await Promise.all([
    requiresGpu ? checkGpu({ env, values: config }) : [],
    minFreeDiskGib > 0 ? checkDisk({ env, values: config }) : [],
    supervised ? checkModelServerCommand(supervised.command, modelStateDir) : [],
  ]);
  const wrong = findings.flat().filter(({ status }) => status === 'wrong');
  if (wrong.length > 0) throw new FitnessError(wrong);
}
