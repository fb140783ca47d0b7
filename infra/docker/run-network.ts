import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Companion } from './companions.ts';

/**
 * Runs the worker's supervisor and its companions. A companion that ends is started again, without limit: the worker is
 * reached at Vast's port meanwhile. Signals go to the worker alone, which drains; the ways to it are closed after it ended.
 */

export type Log = (level: 'info' | 'warn' | 'error', msg: string, fields?: Record<string, unknown>) => void;

export interface NetworkOptions {
  command: readonly [program: string, ...args: string[]];
  /** The command's. */
  env: NodeJS.ProcessEnv;
  companions: readonly Companion[];
  log: Log;
}

const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** A companion that ran as long as this begins with the first pause again. */
const steadyMs = 60_000;
/** Between SIGTERM and SIGKILL of a companion. */
const stopMs = 5_000;

/** @returns the command's exit code; 128 and the signal's number when a signal ended it, 127 when it could not be started */
export async function runNetwork({ command, env, companions, log }: NetworkOptions): Promise<number> {
  const over = new AbortController();
  const [program, ...args] = command;
  // Groups of their own: a terminal's Ctrl-C reaches the command once, through us, and companions not at all.
  const worker = spawn(program, args, { env, stdio: 'inherit', detached: true });
  const forward = (signal: NodeJS.Signals) => worker.kill(signal);
  for (const signal of forwarded) process.on(signal, forward);
  const running = companions.map((companion) => keepRunning(companion, log, over.signal));
  try {
    return await codeOf(worker);
  } finally {
    over.abort();
    await Promise.all(running);
    for (const signal of forwarded) process.off(signal, forward);
  }
}

async function keepRunning(companion: Companion, log: Log, signal: AbortSignal): Promise<void> {
  try {
    await repeat(() => runOnce(companion, log, signal), { name: companion.name, log, signal });
  } finally {
    if (companion.secret) rmSync(companion.secret.file, { force: true });
  }
}

/** One life of a companion, its joining included. @returns how it ended */
async function runOnce({ name, command, env, secret, join }: Companion, log: Log, signal: AbortSignal): Promise<string> {
  const problem = secret && writeSecret(secret);
  if (problem !== undefined) return problem;
  const ended = new AbortController();
  const isOver = AbortSignal.any([signal, ended.signal]);
  const child = start(command, env);
  log('info', 'started', { companion: name, pid: child.pid });
  const joined = join && repeat(() => joinOnce(name, start(join, env), log, isOver), { name: `${name}: joining`, log, signal: isOver });
  const how = await endOf(child, signal);
  ended.abort();
  await joined;
  return how;
}

async function joinOnce(name: string, child: ChildProcess, log: Log, signal: AbortSignal): Promise<string | undefined> {
  const how = await endOf(child, signal);
  if (how !== 'exited with code 0') return how;
  log('info', 'joined', { companion: name });
  return undefined;
}

/** Until `run` returns undefined or the signal aborts. */
async function repeat(
  run: () => Promise<string | undefined>,
  { name, log, signal }: { name: string; log: Log; signal: AbortSignal },
): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const how = await run();
    if (how === undefined || signal.aborted) return;
    if (performance.now() - startedAt > steadyMs) pauseMs = firstPauseMs;
    log('warn', 'ended; it will be started again', { companion: name, how, restartInMs: pauseMs });
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
}

const start = ([program, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv) =>
  spawn(program, args, { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });

/** Ends it when the signal aborts. @returns in words */
async function endOf(child: ChildProcess, signal: AbortSignal): Promise<string> {
  let kill: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), stopMs);
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
    return killedBy === null ? `exited with code ${code}` : `was ended by ${killedBy}`;
  } catch (error) {
    return `could not be started (${(error as NodeJS.ErrnoException).code})`;
  } finally {
    clearTimeout(kill);
    signal.removeEventListener('abort', stop);
  }
}

async function codeOf(child: ChildProcess): Promise<number> {
  try {
    const [code, killedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return killedBy === null ? (code ?? 0) : 128 + constants.signals[killedBy];
  } catch {
    return notStartedCode;
  }
}

/** As shells say it: no such command. */
const notStartedCode = 127;

/** @returns why it could not be written */
function writeSecret({ file, text }: { file: string; text: string }): string | undefined {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
    return undefined;
  } catch (error) {
    return `could not be started: ${dirname(file)} cannot be written (${(error as NodeJS.ErrnoException).code})`;
  }
}
