import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Names and drivers of the GPUs, as `nvidia-smi` tells them; `none` where there is none to ask. */
export async function describeGpus(): Promise<string> {
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5_000 });
    return stdout.trim();
  } catch {
    return 'none';
  }
}
