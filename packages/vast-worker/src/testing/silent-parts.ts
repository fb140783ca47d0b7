import { silentLogger } from '../adapters/logger.ts';
import type { Parts } from '../worker/create-worker.ts';

/** For workers in tests: nothing is logged. */
export const silentParts: Partial<Parts> = { log: silentLogger };
