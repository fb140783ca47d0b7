import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import { identify, isRunning, type ProcessIdentity, runningInGroup } from './process-table.ts';

/**
 * The model server as a process of its own that outlives this one: in its own process group, writing to a file and not to
 * us. A worker that is started again finds it by a state file and takes it over with the model still in GPU memory.
 */

export interface ModelServerCommand {
  command: string;
  args: readonly string[];
  /** All of it. */
  env: NodeJS.ProcessEnv;
  cwd: string | undefined;
}

/** Where a worker keeps what the next one needs; one folder per worker. */
export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
  /** A folder that others may write, such as one made beforehand in /var/tmp, could name any process as our model server. */
  get isPrivate(): boolean {
    try {
      const { uid, mode } = statSync(this.path);
      return uid === process.getuid?.() && (mode & 0o022) === 0;
    } catch {
      return true; // not there yet: it will be ours
    }
  }
  /** Who the model server is. */
  get stateFile(): string {
    return join(this.path, 'model-server.json');
  }
  /** What it writes, stdout and stderr. */
  get logFile(): string {
    return join(this.path, 'model-server.log');
  }
}

/** How a model server ended; `gone` when it was not our child, so that nobody told us. */
export type ProcessEnd =
  | { kind: 'exited'; code: number }
  | { kind: 'killed'; signal: string }
  | { kind: 'not-started'; code: string }
  | { kind: 'gone' };

const identitySchema = z.object({ pid: z.int().positive(), startTicks: z.int(), bootId: z.string() });
const stateSchema = z.object({ server: identitySchema, owner: identitySchema, fingerprint: z.string() });
type State = z.output<typeof stateSchema>;

/** Whether a model server of an earlier worker runs, and whether it is the one that is wanted. */
export type Found =
  | { kind: 'none' }
  /** Its worker is alive: not ours to take. */
  | { kind: 'owned'; ownerPid: number }
  | { kind: 'same' | 'other'; identity: ProcessIdentity };

export function findModelServer(folder: StateFolder, fingerprint: string): Found {
  const state = readState(folder);
  if (!state) return { kind: 'none' };
  if (!isRunning(state.server)) {
    // Its leader is gone, what it started may not be. Another process by its pid now: then the group is not ours either.
    if (identify(state.server.pid) === undefined && identify(process.pid)?.bootId === state.server.bootId) killGroup(state.server.pid);
    return { kind: 'none' };
  }
  if (state.owner.pid !== process.pid && isRunning(state.owner)) return { kind: 'owned', ownerPid: state.owner.pid };
  return { kind: state.fingerprint === fingerprint ? 'same' : 'other', identity: state.server };
}

const lookEveryMs = 250;
const sweepEveryMs = 20;
const sweepLimitMs = 5_000;

export class ModelServerProcess {
  /** undefined: it could not be started. */
  readonly pid: number | undefined;
  readonly isAdopted: boolean;
  /** Resolves once the process has ended and nothing of its group is left. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #clock: Clock;
  readonly #folder: StateFolder;
  #hasEnded = false;

  private constructor(pid: number | undefined, isAdopted: boolean, end: Promise<ProcessEnd>, folder: StateFolder, clock: Clock) {
    this.pid = pid;
    this.isAdopted = isAdopted;
    this.#folder = folder;
    this.#clock = clock;
    this.ended = end.then(async (how) => {
      await this.#sweep();
      this.#hasEnded = true;
      return how;
    });
  }

  /** The log of the run before is kept beside the new one, with `.1`. @param fingerprint tells this command from another */
  static spawn(command: ModelServerCommand, fingerprint: string, logFile: string, folder: StateFolder, clock: Clock): ModelServerProcess {
    let child: ChildProcess;
    try {
      child = spawnInto(logFile, folder, command);
    } catch (error) {
      const end: ProcessEnd = { kind: 'not-started', code: codeOf(error) };
      return new ModelServerProcess(undefined, false, Promise.resolve(end), folder, clock);
    }
    if (child.pid !== undefined) writeState(folder, child.pid, fingerprint); // in the tick of the start: no crash of ours comes between
    return new ModelServerProcess(child.pid, false, endOfChild(child), folder, clock);
  }

  /** Takes over what an earlier worker started. */
  static adopt(identity: ProcessIdentity, fingerprint: string, folder: StateFolder, clock: Clock): ModelServerProcess {
    writeState(folder, identity.pid, fingerprint);
    return new ModelServerProcess(identity.pid, true, endOfStranger(identity, clock), folder, clock);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** SIGTERM to the group, SIGKILL to what is left of it after `graceMs`. Resolves when nothing is. */
  async stop(graceMs: number): Promise<void> {
    if (this.pid === undefined || this.#hasEnded) return;
    const group = this.pid;
    signalGroup(group, 'SIGTERM');
    const cancel = this.#clock.after(graceMs, () => killGroup(group));
    await this.ended;
    cancel();
  }

  /** What the leader left behind, such as an engine that still holds GPU memory and the port. */
  async #sweep(): Promise<void> {
    if (this.pid === undefined) return;
    killGroup(this.pid);
    const until = this.#clock.now() + sweepLimitMs;
    while (runningInGroup(this.pid).length > 0 && this.#clock.now() < until) await this.#clock.sleep(sweepEveryMs);
    rmSync(this.#folder.stateFile, { force: true });
  }
}

/** In words, after "the model server". */
export function describeEnd(end: ProcessEnd): string {
  switch (end.kind) {
    case 'exited':
      return `exited with code ${end.code}`;
    case 'killed':
      return `was ended by ${end.signal}`;
    case 'not-started':
      return `could not be started (${end.code})`;
    case 'gone':
      return 'is gone';
  }
}

function spawnInto(logFile: string, folder: StateFolder, { command, args, env, cwd }: ModelServerCommand): ChildProcess {
  mkdirSync(folder.path, { recursive: true, mode: 0o700 });
  if (!folder.isPrivate) throw Object.assign(new Error('others may write the folder'), { code: 'MODEL_STATE_DIR is not ours alone' });
  try {
    renameSync(logFile, `${logFile}.1`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const log = openSync(logFile, 'a', 0o600); // appending: the file may be emptied while it is written
  try {
    return spawn(command, [...args], { env, ...(cwd === undefined ? {} : { cwd }), detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

function endOfChild(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ kind: 'not-started', code: codeOf(error) });
    });
    child.once('exit', (code, signal) => resolve(signal ? { kind: 'killed', signal } : { kind: 'exited', code: code ?? 0 }));
    child.unref(); // whoever waits for it holds a timer or a server; a worker that has stopped may end
  });
}

async function endOfStranger(identity: ProcessIdentity, clock: Clock): Promise<ProcessEnd> {
  while (isRunning(identity)) await clock.sleep(lookEveryMs);
  return { kind: 'gone' };
}

function readState(folder: StateFolder): State | undefined {
  if (!folder.isPrivate) return undefined;
  try {
    return stateSchema.parse(JSON.parse(readFileSync(folder.stateFile, 'utf8')));
  } catch {
    return undefined; // none, or one that nobody can use
  }
}

/** Best effort: without it the next worker starts a model server of its own. */
function writeState(folder: StateFolder, pid: number, fingerprint: string): void {
  const server = identify(pid);
  const owner = identify(process.pid);
  if (!server || !owner) return; // no /proc: nothing can be adopted
  const state: State = { server, owner, fingerprint };
  try {
    writeFileSync(`${folder.stateFile}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${folder.stateFile}.new`, folder.stateFile);
  } catch {
    rmSync(folder.stateFile, { force: true });
  }
}

const killGroup = (group: number) => signalGroup(group, 'SIGKILL');

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // nobody is left in it
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown error';
