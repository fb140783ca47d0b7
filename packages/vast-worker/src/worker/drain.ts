import { WorkerError } from '../errors.ts';
import type { AssembledWorker } from './create-worker.ts';
import { sendFinalReports } from './report-loop.ts';

const lastReportTimeoutMs = 5_000;
const lastAnswerTimeoutMs = 1_000;

/** Refuse new requests, finish open ones up to a limit, end the rest, tell the control plane, stop listening. */
export async function drain(worker: AssembledWorker): Promise<void> {
  const { config, parts, state, desk, sessions, reporting } = worker;
  const { log, clock } = parts;
  state.signal('drain-requested', 'the worker is shutting down');
  log.info({ openRequests: state.ledger.openCount, drainTimeout: config.drainTimeout }, 'draining');

  const timeUp = new AbortController();
  const stopTimer = clock.after(config.drainTimeout * 1000, () => timeUp.abort(new Error('drain time is up')));
  try {
    await desk.untilIdle(timeUp.signal);
  } catch {
    log.warn({ openRequests: state.ledger.openCount }, 'drain time is up; ending what is open');
    desk.abortAll(new WorkerError('WORKER_DRAINING', 'drain time is up'));
    await desk.untilIdle(AbortSignal.timeout(lastAnswerTimeoutMs)).catch(() => undefined);
  } finally {
    stopTimer();
  }

  await sessions.closeAll();
  if (reporting) await sendFinalReports(reporting, AbortSignal.timeout(lastReportTimeoutMs));
  await closeListeners(worker);
}

export async function closeListeners({ server, internalServer, direct }: AssembledWorker): Promise<void> {
  await Promise.all([server.close(), internalServer?.close(), ...direct.listeners.map((listener) => listener.server.close())]);
}
