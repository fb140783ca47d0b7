import { tailLines } from '../adapters/log-tail.ts';
import { describeEnd, findModelServer, ModelServerProcess } from '../adapters/model-server-process.ts';
import { isListenedOn } from '../adapters/port-check.ts';
import { type Diagnosis, diagnose } from '../domain/model-server-failures.ts';
import { afterFailure } from '../domain/restart-policy.ts';
import { applyLogLine, type LogSignalDeps, logPollMs } from './log-signals.ts';
import type { SupervisedModelServer } from './model-server-config.ts';
import { canary, pause, type StartUpDeps } from './start-up.ts';

/**
 * Keeps the model server running: adopts the one of an earlier worker or starts one, reads its log, notices its end (which is
 * a failure with exit code 0 too) and that it no longer answers, and starts it again, a bounded number of times.
 */

export interface SupervisorDeps extends LogSignalDeps {
  modelServer: SupervisedModelServer;
  startUp: StartUpDeps;
  /** Where the model server should listen; when somebody else does, it is not started. */
  address: { host: string; port: number };
  /** Takes each line of the model server's output. */
  passOn: (line: string) => void;
}

/** How one run of the model server came to its end. */
interface RunEnd {
  /** After "the model server". */
  how: string;
  diagnosis: Diagnosis | undefined;
  /** Another start would end the same way. */
  isPermanent: boolean;
}

/** Lines in which the cause of a failure is looked for: room for a traceback of vLLM, which comes twice. */
const keptLines = 400;
const emptyLogAtBytes = 64 * 1024 * 1024;
/** The model server of a failed worker may end by itself, or recover, before it is examined. */
const graceMs = 5_000;
/** One that does not answer is not asked long. */
const wedgedStopMs = 2_000;

export class ModelSupervisor {
  readonly #deps: SupervisorDeps;
  readonly #over = new AbortController();
  #server: ModelServerProcess | undefined;
  #life: Promise<void> | undefined;
  #starts = 0;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
  }

  /** False: what answers on its port is not our model server. */
  get isRunning(): boolean {
    return this.#server !== undefined && !this.#server.hasEnded;
  }

  /** The log of an adopted one is not read from its beginning, so its health says whether it is loaded. */
  get loadedBy(): 'log' | 'health' {
    return this.#deps.rules.onLoad.length > 0 && this.#server?.isAdopted !== true ? 'log' : 'health';
  }

  /** For /health. */
  get facts(): { origin: 'spawned' | 'adopted'; pid: number | undefined; starts: number } {
    return { origin: this.#server?.isAdopted ? 'adopted' : 'spawned', pid: this.#server?.pid, starts: this.#starts };
  }

  /** Resolves after `stop`, or when the model server has failed too often. */
  run(): Promise<void> {
    return (this.#life ??= this.#live(this.#over.signal));
  }

  /** Ends the model server, its whole group. Resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#over.abort(new Error('the worker stops'));
    await this.#server?.stop(this.#deps.modelServer.stopTimeout * 1000);
    await this.#life?.catch(() => undefined); // whoever called run hears of it
  }

  async #live(signal: AbortSignal): Promise<void> {
    const { state, startUp, log, modelServer } = this.#deps;
    let failures = 0;
    for (;;) {
      const readySecondsBefore = state.phaseSeconds().ready;
      const { how, diagnosis, ...end } = await this.#runOnce(signal);
      if (signal.aborted || state.phase === 'draining') return;
      const steadySeconds = state.phaseSeconds().ready - readySecondsBefore;
      const isPermanent = steadySeconds === 0 && end.isPermanent;
      const verdict = afterFailure(failures, { steadySeconds, isPermanent }, modelServer);
      failures = verdict.failures;
      const reason = `the model server ${how}${diagnosis ? `: ${diagnosis.reason}; ${diagnosis.advice}` : ''}`;
      if (verdict.restartAfterMs === undefined) {
        this.#fail(`${reason} (${isPermanent ? 'another start would not help' : `given up after ${failures} failures in a row`})`);
        return;
      }
      this.#fail(reason);
      log.warn({ failures, restartInMs: verdict.restartAfterMs }, 'model server will be started again');
      await startUp.clock.sleep(verdict.restartAfterMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      state.signal('model-restarted', `the model server is loading again; before, it ${how}`);
    }
  }

  /** From start or adoption to the end of it. */
  async #runOnce(signal: AbortSignal): Promise<RunEnd> {
    const { log, startUp, modelServer } = this.#deps;
    const server = await this.#startOrAdopt(signal);
    if (typeof server === 'string') return { how: server, diagnosis: undefined, isPermanent: false };
    this.#server = server;
    this.#starts += 1;
    startUp.metrics.modelServerStarted(server.isAdopted ? 'adopted' : 'spawned');
    log.info({ pid: server.pid, isAdopted: server.isAdopted, logFile: modelServer.logFile }, 'model server started');

    const ended = new AbortController();
    const lastLines = this.#readLog(server, ended.signal);
    const wedged = this.#untilWedged(AbortSignal.any([signal, ended.signal]));
    const end = await Promise.race([server.ended, wedged]);
    await server.stop(wedgedStopMs); // nothing, unless it is wedged
    ended.abort(new Error('the model server has ended'));
    const diagnosis = diagnose(await lastLines);
    if (typeof end === 'string') return { how: end, diagnosis, isPermanent: false };
    return { how: describeEnd(end), diagnosis, isPermanent: end.kind === 'not-started' || diagnosis?.isPermanent === true };
  }

  /** @returns why there is none, after "the model server" */
  async #startOrAdopt(signal: AbortSignal): Promise<ModelServerProcess | string> {
    const { modelServer, startUp, address, log } = this.#deps;
    const { command, fingerprint, folder, logFile } = modelServer;
    const found = findModelServer(folder, fingerprint);
    if (found.kind === 'owned') {
      return `was not started: the worker with pid ${found.ownerPid} uses the same MODEL_STATE_DIR; give each its own`;
    }
    if (found.kind === 'same') return ModelServerProcess.adopt(found.identity, fingerprint, folder, startUp.clock);
    if (found.kind === 'other') {
      log.info({ pid: found.identity.pid }, 'stopping the model server of an earlier worker: its command was another');
      await ModelServerProcess.adopt(found.identity, fingerprint, folder, startUp.clock).stop(modelServer.stopTimeout * 1000);
    }
    if (await isListenedOn(address, signal)) {
      return `was not started: its port ${address.port} is taken; end what listens there, or set MODEL_SERVER_PORT to another`;
    }
    if (signal.aborted) return 'was not started: the worker stops';
    return ModelServerProcess.spawn(command, fingerprint, logFile, folder, startUp.clock);
  }

  /** Passes the log on and acts on it. @returns its last lines, once the model server has ended and all is read */
  async #readLog(server: ModelServerProcess, ended: AbortSignal): Promise<readonly string[]> {
    const { modelServer, startUp, passOn, log } = this.#deps;
    const lines: string[] = [];
    const from = server.isAdopted ? 'end' : 'beginning';
    const options = { from, lastLook: ended, pollMs: () => logPollMs(this.#deps.state), emptyAtBytes: emptyLogAtBytes } as const;
    try {
      for await (const line of tailLines(modelServer.logFile, startUp.clock, new AbortController().signal, options)) {
        lines.push(line);
        if (lines.length > keptLines) lines.shift();
        passOn(line);
        applyLogLine(line, this.#deps);
      }
    } catch (error) {
      log.warn({ reason: (error as NodeJS.ErrnoException).code }, "the model server's log cannot be read");
    }
    return lines;
  }

  /** Resolves, with what is wrong, once the worker has failed and the model server, though it runs, does not serve. */
  async #untilWedged(signal: AbortSignal): Promise<string> {
    const { state, startUp } = this.#deps;
    try {
      for (;;) {
        await state.untilPhase(['failed'], signal);
        await pause(startUp, graceMs, signal);
        if (state.phase !== 'failed') continue;
        const failure = await this.#examine(signal);
        if (failure !== undefined && state.phase === 'failed') return `${failure} and was stopped`;
      }
    } catch {
      return new Promise<never>(() => undefined); // it has ended, or the worker stops: then this does not matter
    }
  }

  async #examine(signal: AbortSignal): Promise<string | undefined> {
    const { startUp } = this.#deps;
    const health = await startUp.probe.check(startUp.probeTimeoutMs, signal);
    signal.throwIfAborted();
    if (!health.ok) return health.description;
    const failure = await canary(startUp, signal);
    return failure === undefined ? undefined : `does not serve (${failure})`;
  }

  /** A worker that has failed already fails anew, for the reason that is now known. */
  #fail(reason: string): void {
    const { state } = this.#deps;
    state.signal('model-restarted', reason);
    state.signal('model-failed', reason);
  }
}
