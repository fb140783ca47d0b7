import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** The last benchmark's figure, for a restarted instance; good only for what it was measured on. */

const cached = z.object({ fingerprint: z.string(), perf: z.number().positive(), concurrency: z.int().positive() });

export interface CachedPerf {
  /** Load per second. */
  perf: number;
  concurrency: number;
}

export interface PerfCache {
  /** undefined when there is none, when it is of something else, or when it cannot be read. */
  read(fingerprint: string): Promise<CachedPerf | undefined>;
  /** Best effort. @returns false when it could not be written */
  write(fingerprint: string, value: CachedPerf): Promise<boolean>;
}

export const noPerfCache: PerfCache = { read: async () => undefined, write: async () => true };

export function createPerfCache(file: string): PerfCache {
  return {
    async read(fingerprint) {
      try {
        const entry = cached.parse(JSON.parse(await readFile(file, 'utf8')));
        return entry.fingerprint === fingerprint ? { perf: entry.perf, concurrency: entry.concurrency } : undefined;
      } catch {
        return undefined;
      }
    },
    async write(fingerprint, value) {
      try {
        await writeFile(`${file}.new`, JSON.stringify({ fingerprint, ...value }));
        await rename(`${file}.new`, file);
        return true;
      } catch {
        return false;
      }
    },
  };
}
