import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../adapters/clock.ts';
import type { Logger } from '../adapters/logger.ts';
import { findModelServer, ModelServerProcess, StateFolder } from '../adapters/model-server-process.ts';
import { afterFailure } from '../domain/restart-policy.ts';
import { defaultStateDir } from './environment.ts';

/**
 * The container's entry: runs the worker, starts it again when it crashes, passes signals on, and in the end leaves nothing
 * behind. The model server lives on while the worker is started again, which then takes it over.
 */

export interface SuperviseOptions {
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  log: Logger;
}

const rules = { maxRestarts: 5 };
const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** For what a worker does after it has drained: last report, the end of its model server. Seconds. */
const stopMarginSeconds = 35;
const modelServerStopMs = 10_000;

/** @returns the exit code: that of the worker's last run, 128 and its number for a signal */
export async function supervise({ command, args, env, clock, log }: SuperviseOptions): Promise<number> {
  const stateDir = env.MODEL_STATE_DIR || defaultStateDir;
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  const forward = (signal: NodeJS.Signals) => {
    stopping.abort();
    child?.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal); // a closed terminal: the worker drains as well
  };
  for (const signal of forwarded) process.on(signal, forward);
  try {
    let failures = 0;
    for (;;) {
      const startedAt = clock.now();
      // A group of its own: the terminal's Ctrl-C comes once, through us.
      child = spawn(command, [...args], { env: { ...env, MODEL_STATE_DIR: stateDir }, stdio: 'inherit', detached: true });
      const code = await codeOf(child, stopping.signal, stopTimeoutMs(env), clock);
      if (code === 0 || stopping.signal.aborted) return code;
      const steadySeconds = (clock.now() - startedAt) / 1000;
      const verdict = afterFailure(failures, { steadySeconds, isPermanent: child.pid === undefined }, rules);
      failures = verdict.failures;
      if (verdict.restartAfterMs === undefined) {
        log.error({ code, failures }, 'the worker failed too often; not started again');
        return code;
      }
      log.warn({ code, failures, restartInMs: verdict.restartAfterMs }, 'the worker ended; it will be started again');
      await clock.sleep(verdict.restartAfterMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return code;
    }
  } finally {
    await stopLeftModelServer(new StateFolder(stateDir), clock, log);
    for (const signal of forwarded) process.off(signal, forward);
  }
}

/** Of the run; one that was told to stop and does not is killed. */
async function codeOf(child: ChildProcess, stopping: AbortSignal, stopTimeoutMs: number, clock: Clock): Promise<number> {
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => child.pid === undefined && resolve(notStartedCode));
    child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 0)));
  });
  let cancelKill: (() => void) | undefined;
  const boundStop = () => {
    cancelKill = clock.after(stopTimeoutMs, () => child.kill('SIGKILL'));
  };
  if (stopping.aborted) boundStop();
  else stopping.addEventListener('abort', boundStop, { once: true });
  const code = await ended;
  stopping.removeEventListener('abort', boundStop);
  cancelKill?.();
  return code;
}

/** As shells say it: no such command. */
const notStartedCode = 127;

function stopTimeoutMs(env: NodeJS.ProcessEnv): number {
  const drainSeconds = Number(env.DRAIN_TIMEOUT_SECONDS || 25);
  return ((Number.isFinite(drainSeconds) ? drainSeconds : 25) + stopMarginSeconds) * 1000;
}

/** Of a worker that did not live to end it. */
async function stopLeftModelServer(folder: StateFolder, clock: Clock, log: Logger): Promise<void> {
  const found = findModelServer(folder, '');
  if (found.kind !== 'other') return;
  log.info({ pid: found.identity.pid }, 'ending the model server that the worker left');
  await ModelServerProcess.adopt(found.identity, '', folder, clock).stop(modelServerStopMs);
}

/** Waits for its child, passes signals on, and reaps whoever loses his parent: what the first process of a container has to do. */
const reaperScript = `"$@" & child=$!
for name in TERM INT HUP; do trap "kill -$name $child 2>/dev/null" $name; done
while :; do wait $child; code=$?; kill -0 $child 2>/dev/null || exit $code; done`;

/** Node does not reap processes it did not start. So, as the first process of a container, it makes room for a shell. */
export function becomeReaperIfFirst(): void {
  if (process.pid !== 1) return;
  process.removeAllListeners('warning'); // that execve is experimental says nothing to whoever starts a container
  process.execve?.('/bin/sh', ['sh', '-c', reaperScript, 'sh', process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
}
