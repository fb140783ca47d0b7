import { createHash, timingSafeEqual } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { WorkerError } from '../errors.ts';

/**
 * `POST /pyworker/update`: leaves a mark for the start script, which updates the worker at the next start. Without a
 * `MASTER_TOKEN` it is closed: the reference lets everybody in then.
 * @throws WorkerError UNAUTHORIZED, INTERNAL
 */
export async function markForUpdate(authorization: string | undefined, masterToken: string, markerFile: string): Promise<void> {
  const shown = authorization?.replace(/^Bearer /, '') ?? '';
  if (masterToken === '' || !timingSafeEqual(digest(shown), digest(masterToken))) throw new WorkerError('UNAUTHORIZED', 'update');
  try {
    await writeFile(markerFile, '');
  } catch (cause) {
    throw new WorkerError('INTERNAL', 'the update marker could not be written', { cause });
  }
}

/** Of equal length, whatever was shown. */
const digest = (text: string) => createHash('sha256').update(text).digest();
