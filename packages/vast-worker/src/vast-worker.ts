import { ConfigError } from './errors.ts';
import { loadConfig, type WorkerConfig } from './worker/config.ts';
import { createWorker, type Parts } from './worker/create-worker.ts';
import { readReportTarget } from './worker/environment.ts';
import { reportFailedStart } from './worker/failed-start.ts';
import { requireFitness } from './worker/fitness.ts';
import { type DirectPorts, type ListeningPorts, runWorker } from './worker/run-worker.ts';

/** What a service meets: `createVastWorker(config)`, then `run()`. */
export interface VastWorker {
  /**
   * Checks the configuration, listens, and works until SIGTERM, SIGINT or `stop()`; then drains and resolves.
   * @throws ConfigError with every problem, or FitnessError with what this machine lacks, before a port is opened; or what
   * opening the port met. Any of them is told to the control plane first, when the environment says to whom.
   */
  run(): Promise<void>;
  /** Resolves with the port as soon as the worker listens. */
  listening(): Promise<number>;
  /** The port where the model server may end sessions; undefined when there is none. */
  internalPort(): Promise<number | undefined>;
  /** Ports of direct mode by trust source; 0 for a Unix socket. */
  directPorts(): Promise<DirectPorts>;
  /** Drains and resolves when everything is closed. */
  stop(): Promise<void>;
}

export interface VastWorkerOptions {
  /** Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Default true: SIGTERM and SIGINT drain. */
  handleSignals?: boolean;
  /** Parts that tests replace. */
  parts?: Partial<Parts>;
}

/** A worker for these routes. Nothing happens until `run()`, which also checks the configuration. */
export function createVastWorker(config: WorkerConfig, options: VastWorkerOptions = {}): VastWorker {
  const env = options.env ?? process.env;
  const stopping = new AbortController();
  const listening = Promise.withResolvers<ListeningPorts>();
  listening.promise.catch(() => undefined); // whoever asks for the port hears of it; nobody has to
  let running: Promise<void> | undefined;

  async function live(): Promise<void> {
    const onSignal = () => stopping.abort();
    if (options.handleSignals !== false) {
      process.once('SIGTERM', onSignal);
      process.once('SIGINT', onSignal);
    }
    try {
      const resolved = loadConfig(config, env);
      await requireFitness(resolved, env);
      const worker = createWorker(resolved, options.parts);
      await runWorker(worker, stopping.signal, listening.resolve);
    } catch (error) {
      listening.reject(error);
      if (stopping.signal.aborted && !(error instanceof ConfigError)) return; // told to stop while it started
      await reportFailedStart(error, readReportTarget(env), stopping.signal);
      throw error;
    } finally {
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    }
  }

  return {
    run: () => (running ??= live()),
    listening: async () => (await listening.promise).port,
    internalPort: async () => (await listening.promise).internalPort,
    directPorts: async () => (await listening.promise).directPorts,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
