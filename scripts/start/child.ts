import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readableLine } from './readable-line.ts';

/** A process we started ended when it should not have, or could not be started. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed';
}

const keptLines = 20;
const defaultKillAfterMs = 2_000;

/** What still runs. These groups are detached: should this process crash, nobody else would end them. */
const running = new Set<Child>();
process.on('exit', () => {
  for (const child of running) child.kill();
});

/**
 * One process in a group of its own: the terminal's Ctrl-C reaches us alone, and we take the group down in order. Its
 * output is shown as far as it matters; the last lines are kept for when it fails.
 */
export class Child {
  /** Resolves on exit code 0, rejects with ChildFailed otherwise. */
  readonly success: Promise<void>;
  /** Rejects when the process ends before it was stopped, with whatever exit code. */
  readonly failure: Promise<never>;
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #lastLines: string[] = [];
  readonly #killAfterMs: number;
  #isStopping = false;

  /** @param killAfterMs how long the process may take to end after SIGTERM */
  constructor(name: string, command: string, args: string[], env: NodeJS.ProcessEnv, verbose: boolean, killAfterMs = defaultKillAfterMs) {
    this.#name = name;
    this.#killAfterMs = killAfterMs;
    this.#process = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this);
    const ended = Promise.withResolvers<string>();
    this.#process.once('error', (error) => ended.resolve(`could not be started: ${error.message}`));
    this.#process.once('close', (code, signal) => ended.resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
    this.#exited = ended.promise.then(() => void running.delete(this));
    this.success = ended.promise.then((how) => {
      if (this.#process.exitCode !== 0) throw this.#failed(how);
    });
    this.failure = ended.promise.then((how) => {
      if (this.#isStopping) return new Promise<never>(() => undefined);
      throw this.#failed(how);
    });
    this.success.catch(() => undefined);
    this.failure.catch(() => undefined);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#show(line, verbose));
    }
  }

  /** SIGTERM to the group, SIGKILL when that is not enough. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.kill(), this.#killAfterMs);
    await this.#exited;
    clearTimeout(timer);
    this.kill(); // what the process itself left behind in its group
  }

  /** At once, without a word to the group. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch {
      // the group is gone
    }
  }

  #show(line: string, verbose: boolean): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > keptLines) this.#lastLines.shift();
    const shown = readableLine(line, verbose);
    if (shown !== undefined) process.stdout.write(`  ${this.#name.padEnd(24)} ${shown}\n`);
  }

  #failed(how: string): ChildFailed {
    const lines = this.#lastLines.map((line) => `  ${readableLine(line, true)}`).join('\n');
    return new ChildFailed(`The ${this.#name} process ${how}.${lines ? ` Its last lines:\n${lines}` : ''}`);
  }
}
