import { paths } from '@bluefly/vast-protocol';
import { AbortScope } from '../adapters/abort-scope.ts';
import type { Clock } from '../adapters/clock.ts';
import type { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import type { Phase } from '../domain/readiness.ts';
import { isLoading } from '../domain/readiness.ts';
import { finishedRequestReport, type Identity, workerStatus } from '../domain/report.ts';
import type { WorkerState } from './state.ts';
import { untilAborted } from './until-aborted.ts';

/**
 * Tells the control plane the truth: take, send, acknowledge. A report that is not accepted changes nothing here; the
 * next one carries what it carried. When an acknowledgement is lost on the way back, that interval is reported twice:
 * the protocol has no number to tell a repeated report by, and counting twice is the smaller error.
 */

export interface ReportDeps {
  state: WorkerState;
  identity: Identity;
  controlPlane: ControlPlaneClient;
  metrics: WorkerMetrics;
  clock: Clock;
  diskUsageGib: () => Promise<number | undefined>;
}

/** Never more than one status a second, but that a change of phase is told at once; at least one in ten. */
const minimumPauseMs = 1_000;
const idlePeriodMs = 10_000;
/** After failures the pause doubles up to this. */
const maximumPauseMs = 10_000;
/** A fuller list is sent in parts, one right after the other: the next second brings as many again. */
const deletionsPerReport = 1_000;

/** Runs until the signal aborts. Never throws. */
export async function runReportLoops(reporter: Reporter, signal: AbortSignal): Promise<void> {
  const { deps } = reporter;
  await Promise.all([
    runLoop(
      deps,
      signal,
      'status',
      () => reporter.sendStatus(signal),
      (idleMs) => deps.state.hasNews || idleMs >= idlePeriodMs,
    ),
    runLoop(
      deps,
      signal,
      'deletions',
      () => reporter.sendAllDeletions(signal),
      () => deps.state.ledger.unreportedDeletions > 0,
    ),
  ]);
}

/** The last words of a worker that goes: one report and the finished requests, each tried once within `signal`. */
export async function sendFinalReports(reporter: Reporter, signal: AbortSignal): Promise<void> {
  await reporter.sendStatus(signal);
  await reporter.sendAllDeletions(signal);
}

async function runLoop(
  deps: ReportDeps,
  signal: AbortSignal,
  kind: 'status' | 'deletions',
  send: () => Promise<boolean>,
  isDue: (idleMs: number) => boolean,
): Promise<void> {
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let pauseMs = minimumPauseMs;
  while (!signal.aborted) {
    if (isDue(deps.clock.now() - lastSentAt)) {
      const phaseTold = kind === 'status' ? deps.state.phase : undefined;
      const accepted = await send();
      if (signal.aborted) return;
      deps.metrics.reported(kind, accepted ? 'accepted' : 'failed');
      pauseMs = accepted ? minimumPauseMs : Math.min(pauseMs * 2, maximumPauseMs);
      if (accepted) lastSentAt = deps.clock.now();
      await pauseUnless(deps, phaseTold, pauseMs, signal);
    } else {
      await untilDueOrTick(deps, () => isDue(deps.clock.now() - lastSentAt), signal);
    }
  }
}

/** Shorter when the phase is another than `phaseTold`, unless that is undefined. */
async function pauseUnless({ state, clock }: ReportDeps, phaseTold: Phase | undefined, ms: number, signal: AbortSignal): Promise<void> {
  using scope = new AbortScope(signal);
  const pieces = [clock.sleep(ms, scope.signal)];
  if (phaseTold !== undefined) pieces.push(state.until(() => state.phase !== phaseTold, scope.signal));
  await Promise.race(pieces).catch(() => undefined);
}

/** A second at most, and at once when there is something to tell. */
async function untilDueOrTick({ state, clock }: ReportDeps, isDue: () => boolean, signal: AbortSignal): Promise<void> {
  using scope = new AbortScope(signal);
  await Promise.race([state.until(isDue, scope.signal), clock.sleep(minimumPauseMs, scope.signal)]).catch(() => undefined);
}

/** Takes, sends and acknowledges; never two reports of a kind at once, or both would carry the same. */
export class Reporter {
  readonly deps: ReportDeps;
  #reportedDiskGib: number | undefined;
  readonly #inFlight = { status: Promise.resolve(true), deletions: Promise.resolve(true) };

  constructor(deps: ReportDeps) {
    this.deps = deps;
  }

  /** After the one in flight, unless the signal aborts first. @returns true when it was accepted */
  sendStatus(signal: AbortSignal): Promise<boolean> {
    return this.#inTurn('status', () => this.#sendStatus(signal), signal);
  }

  /** As `sendStatus`; part after part, until none is left or one is not accepted. */
  sendAllDeletions(signal: AbortSignal): Promise<boolean> {
    return this.#inTurn('deletions', () => this.#sendAllDeletions(signal), signal);
  }

  async #inTurn(kind: 'status' | 'deletions', send: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
    const turn = this.#inFlight[kind].then(() => !signal.aborted && send());
    this.#inFlight[kind] = turn.catch(() => false);
    using scope = new AbortScope(signal);
    return await Promise.race([turn, untilAborted(scope.signal).then(() => false)]);
  }

  async #sendStatus(signal: AbortSignal): Promise<boolean> {
    const { state, identity, controlPlane, diskUsageGib } = this.deps;
    const diskGib = await diskUsageGib();
    state.hasNews = false;
    const interval = state.ledger.takeInterval();
    const accepted = await controlPlane.post(
      paths.workerStatus,
      workerStatus(state.ledger, identity, {
        interval,
        loadSeconds: isLoading(state.phase) ? 0 : state.loadSeconds,
        perf: isLoading(state.phase) || state.loadSeconds === 0 ? 0 : state.perf,
        errorMessage: state.errorMessage,
        diskUsageDelta: diskGib === undefined || this.#reportedDiskGib === undefined ? 0 : diskGib - this.#reportedDiskGib,
      }),
      signal,
    );
    if (accepted) {
      state.ledger.acknowledgeInterval(interval);
      this.#reportedDiskGib = diskGib ?? this.#reportedDiskGib;
    } else {
      state.hasNews = true;
    }
    return accepted;
  }

  async #sendAllDeletions(signal: AbortSignal): Promise<boolean> {
    const { ledger } = this.deps.state;
    while (ledger.unreportedDeletions > deletionsPerReport) if (!(await this.#sendDeletions(signal))) return false;
    return ledger.unreportedDeletions === 0 || this.#sendDeletions(signal);
  }

  /** Not async: a thousand requests would be held until the answer is there, and each garbage collection would wait for them. */
  #sendDeletions(signal: AbortSignal): Promise<boolean> {
    const { state, identity, controlPlane } = this.deps;
    const { requests, through } = state.ledger.takeDeletions(deletionsPerReport);
    const posted = controlPlane.post(
      paths.deleteRequests,
      { worker_id: identity.id, mtoken: identity.masterToken, requests: requests.map(finishedRequestReport) },
      signal,
    );
    return posted.then((accepted) => {
      if (accepted) state.ledger.acknowledgeDeletions({ through });
      return accepted;
    });
  }
}
