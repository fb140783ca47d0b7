import { tailLines } from '../adapters/log-tail.ts';
import type { Logger } from '../adapters/logger.ts';
import type { TrustSource } from '../adapters/trust-source.ts';
import type { Phase } from '../domain/readiness.ts';
import type { AssembledWorker } from './create-worker.ts';
import { closeListeners, drain } from './drain.ts';
import { applyLogLine, logPollMs } from './log-signals.ts';
import { runReportLoops } from './report-loop.ts';
import { awaitModel, confirm, measurePerf } from './start-up.ts';
import { untilAborted } from './until-aborted.ts';

export interface ListeningPorts {
  port: number;
  /** For the model server; undefined when it has none. */
  internalPort: number | undefined;
  /** Of direct mode, by trust source; 0 for a Unix socket. */
  directPorts: DirectPorts;
}

export type DirectPorts = Partial<Record<TrustSource['name'], number>>;

/**
 * The life of a worker, top to bottom: listen, report, load, benchmark, confirm, serve; lose the model server and find
 * it again; drain. Resolves when all of it is over. `listening` is told the ports as soon as there are some.
 * @throws what `listen` meets; nothing later
 */
export async function runWorker(worker: AssembledWorker, stop: AbortSignal, listening: (ports: ListeningPorts) => void): Promise<void> {
  const { server } = worker;
  const { log } = worker.parts;
  const over = new AbortController();
  const pieces: Promise<void>[] = [];
  const run = (piece: (signal: AbortSignal) => unknown, signal = over.signal) =>
    void pieces.push(unlessAborted(signal, log, () => piece(signal)));
  noteUnusualSettings(worker);
  try {
    run((signal) => worker.reporting && runReportLoops(worker.reporting, signal)); // from now on, whatever comes
    await worker.tracing?.open();
    listening(await listen(worker, stop));
    run((signal) => worker.verifier?.run(signal));
    run((signal) => followModelServer(worker, signal));
    run((signal) => liveThroughPhases(worker, signal), AbortSignal.any([stop, over.signal]));
    run((signal) => worker.certificate?.watch((pair) => server.useCertificate(pair), signal));
    run((signal) => worker.sessions.collect(signal));
    run((signal) => worker.direct.watch(signal));
    run((signal) => learnPerf(worker, signal));

    await untilAborted(stop);
    await drain(worker);
  } finally {
    await worker.supervisor?.stop();
    over.abort(new Error('the worker has stopped'));
    worker.keepAlive.close();
    await Promise.all(pieces);
    await Promise.all([closeListeners(worker), worker.modelServer.close(), worker.controlPlane.close(), worker.tracing?.close()]);
  }
  log.info({}, 'stopped');
}

async function listen({ config, parts, server, internalServer, direct }: AssembledWorker, stop: AbortSignal): Promise<ListeningPorts> {
  const port = await server.listen(stop);
  const internalPort = await internalServer?.listen(stop);
  const directPorts: DirectPorts = {};
  for (const listener of direct.listeners) directPorts[listener.name] = await listener.server.listen(stop);
  const { workloadUnit } = config;
  const routes = config.handlers.map(({ route }) => route);
  parts.log.info({ port, internalPort, ...(direct.listeners.length > 0 ? { directPorts } : {}), routes, workloadUnit }, 'listening');
  return { port, internalPort, directPorts };
}

/** The pieces of a life end by being aborted; whatever else ends one is ours to mend, and must not end the others. */
async function unlessAborted(signal: AbortSignal, log: Logger, piece: () => unknown): Promise<void> {
  try {
    await piece();
  } catch (error) {
    if (!signal.aborted) log.error({ err: error }, 'a part of the worker failed. This is a bug.');
  }
}

/** One step per phase; each ends when the phase does, whoever ends it: what it waits for may be of a model server that is gone. */
async function liveThroughPhases(worker: AssembledWorker, signal: AbortSignal): Promise<void> {
  const { state } = worker;
  while (!signal.aborted && state.phase !== 'draining') {
    const { phase } = state;
    const phaseOver = new AbortController();
    const either = AbortSignal.any([signal, phaseOver.signal]);
    const endStep = () => phaseOver.abort(new Error('the phase is over'));
    state.until(() => state.phase !== phase, either).then(endStep, () => undefined);
    try {
      await liveThrough(phase, worker, either);
    } catch (error) {
      if (!phaseOver.signal.aborted) throw error;
    } finally {
      endStep();
    }
  }
}

async function liveThrough(phase: Phase, { startUp, watch }: AssembledWorker, signal: AbortSignal): Promise<void> {
  switch (phase) {
    case 'loading':
      return awaitModel(startUp, signal);
    case 'benchmarking':
      return measurePerf(startUp, signal);
    case 'confirming':
      return confirm(startUp, signal);
    case 'ready':
      return watch.watch(signal);
    case 'failed':
      return watch.awaitRecovery(signal);
    case 'draining':
      return;
  }
}

/** Starts it and watches over it, or, when somebody else starts it, reads what it logs. */
async function followModelServer({ config, parts, state, watch, supervisor }: AssembledWorker, signal: AbortSignal): Promise<void> {
  if (supervisor) return supervisor.run();
  if (config.modelLogFile === undefined) return;
  const deps = { state, watch, log: parts.log, rules: config.logActionConfig };
  for await (const line of tailLines(config.modelLogFile, parts.clock, signal, { pollMs: () => logPollMs(state) }))
    applyLogLine(line, deps);
}

/** Each second of traffic says more about the model server. */
async function learnPerf({ state, desk, parts }: AssembledWorker, signal: AbortSignal): Promise<void> {
  let before = { served: 0, busySeconds: 0, isFull: false };
  while (!signal.aborted) {
    await parts.clock.sleep(1_000, signal).catch(() => undefined);
    const now = { served: state.ledger.totals.served, busySeconds: desk.busySeconds(), isFull: desk.isFull };
    state.learn(now.served - before.served, now.busySeconds - before.busySeconds, now.isFull && before.isFull);
    before = now;
  }
}

function noteUnusualSettings({ config, parts }: AssembledWorker): void {
  const { log } = parts;
  if (!config.identity) log.info({}, 'no CONTAINER_ID: standalone, reporting to nobody');
  if (config.isUnsecured) log.warn({ host: config.workerHost ?? 'all interfaces' }, 'UNSECURED: signatures are not verified');
  if (!config.supervised && !config.modelLogFile && config.logActionConfig.onLoad.length > 0) {
    log.info({}, 'logActionConfig is not used: there is no modelLogFile (or MODEL_LOG); health says when the model is loaded');
  }
}
