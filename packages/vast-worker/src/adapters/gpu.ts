import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What `nvidia-smi` tells. */
export type GpuLook =
  /** `gpus`: name, memory and driver of each. */
  | { kind: 'gpus'; gpus: readonly string[] }
  /** No nvidia-smi: no GPU was passed into this container. */
  | { kind: 'none' }
  /** There is one, and it fails: usually the driver does not fit. */
  | { kind: 'broken'; code: string };

const timeoutMs = 5_000;

/** @param env whose PATH nvidia-smi is looked for on */
export async function lookForGpus(env: NodeJS.ProcessEnv): Promise<GpuLook> {
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: timeoutMs, killSignal: 'SIGKILL', env });
    const gpus = stdout.split('\n').filter((line) => line.trim() !== '');
    return gpus.length > 0 ? { kind: 'gpus', gpus } : { kind: 'broken', code: 'no GPU listed' };
  } catch (error) {
    const { code, killed } = error as { code?: unknown; killed?: boolean };
    if (code === 'ENOENT') return { kind: 'none' };
    return { kind: 'broken', code: killed ? `no answer within ${timeoutMs / 1000} s` : `exit code ${String(code)}` };
  }
}

/** Names and drivers of the GPUs; `none` where there is none to ask. */
export async function describeGpus(): Promise<string> {
  const look = await lookForGpus(process.env);
  return look.kind === 'gpus' ? look.gpus.join('\n') : 'none';
}
