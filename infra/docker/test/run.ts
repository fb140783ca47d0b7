import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../packages/vast-worker/src/testing/until.ts';
import { ensureTools, ImageWorkshop } from './image-workshop.ts';

/** `npm run test:images`: runs the tests of images, with vitest's arguments, and cleans up after an interrupted run too. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

try {
  ensureTools();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
const workshop = new ImageWorkshop(mkdtempSync(join(tmpdir(), 'images-')));
const vitest = spawn('vitest', ['run', '--config', join(import.meta.dirname, 'vitest.config.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
  detached: true, // a group, which is ended as a whole
  env: { ...process.env, IMAGES_FOLDER: workshop.folder },
});
for (const signal of signals) process.on(signal, () => vitest.kill(signal));
try {
  const [code, signal] = (await once(vitest, 'exit')) as [number | null, NodeJS.Signals | null];
  process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
} finally {
  await until(() => !isRunning(vitest.pid as number)); // builders that an interrupted run left
  await workshop.remove();
}

/** Ends what is left of the group. @returns whether something was */
function isRunning(group: number): boolean {
  try {
    return process.kill(-group, 'SIGKILL');
  } catch {
    return false;
  }
}
