import { writeFile } from 'node:fs/promises';
import { WorkerError } from '../errors.ts';
import { showsBearer } from './bearer.ts';

/**
 * `POST /pyworker/update`: leaves a mark for the start script, which updates the worker at the next start. Without a
 * `MASTER_TOKEN` it is closed: the reference lets everybody in then.
 * @throws WorkerError UNAUTHORIZED, INTERNAL
 */
export async function markForUpdate(authorization: string | undefined, masterToken: string, markerFile: string): Promise<void> {
  if (!showsBearer(authorization, masterToken)) throw new WorkerError('UNAUTHORIZED', 'update');
  try {
    await writeFile(markerFile, '');
  } catch (cause) {
    throw new WorkerError('INTERNAL', 'the update marker could not be written', { cause });
  }
}
