import type { WorkerState } from './state.ts';
import type { TicketDesk } from './tickets.ts';

/** What `/health` says: the phase and why, and the figures the worker acts on. */
export interface HealthReport {
  /** `ok` only when the worker takes requests. */
  status: 'ok' | 'unavailable';
  phase: string;
  /** Why it is in that phase. */
  reason: string;
  /** ISO time. */
  since: string;
  secondsInPhase: Record<string, number>;
  /** From start to ready; 0 until then. */
  loadSeconds: number;
  workloadUnit: string;
  perf: { loadPerSecond: number; source: string };
  /** What waits are estimated by. `traffic`: learned since the benchmark. */
  throughput: { loadPerSecond: number; source: string };
  openRequests: number;
  queuedRequests: number;
  openLoad: number;
  /** By estimate, for a request that arrives now. */
  waitSeconds: number;
  /** Sums of workload since start; received = served + errored + cancelled + rejected + open. */
  workload: { received: number; served: number; errored: number; cancelled: number; rejected: number; open: number };
  requestsReceived: number;
  /** False: no CONTAINER_ID, so nobody is told. */
  reportsToControlPlane: boolean;
  /** Who started the model server: this worker, one before it, or somebody else (attached). `starts` counts ours. */
  modelServer: { origin: 'spawned' | 'adopted' | 'attached'; pid?: number | undefined; starts: number };
}

export function healthReport(
  state: WorkerState,
  desk: TicketDesk,
  facts: { workloadUnit: string; reportsToControlPlane: boolean; modelServer: HealthReport['modelServer'] | undefined },
): HealthReport {
  const { ledger } = state;
  return {
    status: state.phase === 'ready' ? 'ok' : 'unavailable',
    phase: state.phase,
    reason: state.reason,
    since: new Date(state.phaseSince).toISOString(),
    secondsInPhase: state.phaseSeconds(),
    loadSeconds: state.loadSeconds,
    workloadUnit: facts.workloadUnit,
    perf: { loadPerSecond: state.perf, source: state.perfSource },
    throughput: { loadPerSecond: state.throughput, source: state.throughputSource },
    openRequests: ledger.openCount,
    queuedRequests: desk.queuedCount,
    openLoad: ledger.openLoad,
    waitSeconds: state.waitSeconds,
    workload: { ...ledger.totals, open: ledger.openLoad },
    requestsReceived: ledger.requestCount,
    reportsToControlPlane: facts.reportsToControlPlane,
    modelServer: facts.modelServer ?? { origin: 'attached', starts: 0 },
  };
}
