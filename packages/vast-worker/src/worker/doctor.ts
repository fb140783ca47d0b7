import {
  type Check,
  type CheckContext,
  checkCertificate,
  checkControlPlane,
  checkDisk,
  checkEnvironment,
  checkGpu,
  checkModelServer,
  checkPorts,
} from './checks.ts';
import { readEnvironment } from './environment.ts';
import { type Finding, type FindingStatus, worstOf } from './finding.ts';

/** Looks at everything a worker needs on this machine. Reads only; nothing is started, reported or sent, no secret is shown. */

export interface DoctorOptions {
  env: NodeJS.ProcessEnv;
  /** For one answer over the network. Default 5 s. */
  timeoutMs?: number;
  /** Told the checks that are still awaited, whenever one is over. */
  onProgress?: (waitingFor: readonly string[]) => void;
}

export interface Diagnosis {
  /** The worst of them. */
  status: FindingStatus;
  findings: readonly Finding[];
}

const checks: readonly { name: string; check: Check }[] = [
  { name: 'environment', check: checkEnvironment },
  { name: 'ports', check: checkPorts },
  { name: 'gpu', check: checkGpu },
  { name: 'disk', check: checkDisk },
  { name: 'model server', check: checkModelServer },
  { name: 'control plane', check: checkControlPlane },
  { name: 'certificate', check: checkCertificate },
];

/** Whatever a check waits for, it is over by then. */
const checkLimitMs = 15_000;

/** Runs the checks side by side. Never throws: a check that fails is a finding. */
export async function examine({ env, timeoutMs = 5_000, onProgress }: DoctorOptions): Promise<Diagnosis> {
  const context: CheckContext = { env, timeoutMs, ...readEnvironment(env) };
  const waitingFor = new Set(checks.map(({ name }) => name));
  onProgress?.([...waitingFor]);
  const findings = await Promise.all(
    checks.map(async ({ name, check }) => {
      const found = await boundedCheck(name, check, context);
      waitingFor.delete(name);
      onProgress?.([...waitingFor]);
      return found;
    }),
  );
  return { status: worstOf(findings.flat()), findings: findings.flat() };
}

async function boundedCheck(name: string, check: Check, context: CheckContext): Promise<Finding[]> {
  const late = new AbortController();
  const isLate = Promise.withResolvers<Finding[]>();
  const timer = setTimeout(() => {
    late.abort(new Error('too late'));
    isLate.resolve([
      { check: name, status: 'wrong', found: `no result within ${checkLimitMs / 1000} s`, todo: 'run it again; this machine is very slow' },
    ]);
  }, checkLimitMs);
  try {
    return await Promise.race([check(context, late.signal), isLate.promise]);
  } catch (error) {
    const { code, name: kind } = error as NodeJS.ErrnoException;
    return [{ check: name, status: 'wrong', found: `the check itself failed (${code ?? kind})`, todo: 'this is a bug; please report it' }];
  } finally {
    clearTimeout(timer);
  }
}

/** For people: one line per finding, what to do beneath. @param paint colours a status word, where there are colours */
export function describe(
  { findings }: Diagnosis,
  paint: (status: FindingStatus, word: string) => string = (_status, word) => word,
): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, status, found, todo }) => {
    const head = `${paint(status, status.padEnd(7))}  ${check.padEnd(width)}  ${found}`;
    return todo === undefined ? [head] : [head, `${' '.repeat(9 + width + 2)}${todo}`];
  });
  const count = (wanted: FindingStatus) => findings.filter(({ status }) => status === wanted).length;
  const summary = `wrong: ${count('wrong')}, warnings: ${count('warning')}, ok: ${count('ok')}`;
  return [...lines, '', summary, ''].join('\n');
}
