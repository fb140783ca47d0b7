import { paths, protocolVersion } from '@bluefly/vast-protocol';
import { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import { silentLogger } from '../adapters/logger.ts';

/** A start that fails is told to the control plane before the process ends, so that the instance is not waited for. */

const attempts = 3;
const timeoutMs = 3_000;

export async function reportFailedStart(
  error: unknown,
  target: { id: number; masterToken: string; addresses: readonly string[] } | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!target) return;
  const controlPlane = new ControlPlaneClient({ addresses: target.addresses, timeoutMs, log: silentLogger });
  const report = {
    id: target.id,
    mtoken: target.masterToken,
    version: protocolVersion,
    loadtime: 0,
    cur_load: 0,
    rej_load: 0,
    new_load: 0,
    error_msg: `Worker Server failed to launch: ${error instanceof Error ? error.message : 'unknown failure'}`,
    max_perf: 0,
    cur_perf: 0,
    cur_capacity: 0,
    max_capacity: 0,
    num_requests_working: 0,
    num_requests_recieved: 0,
    additional_disk_usage: 0,
    working_request_idxs: [],
    url: '',
  };
  for (let attempt = 0; attempt < attempts && !signal.aborted; attempt += 1) {
    if (await controlPlane.post(paths.workerStatus, report, signal)) break;
  }
  await controlPlane.close();
}
