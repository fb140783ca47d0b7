import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Account, type Usage, usageOutcomes } from '../domain/account.ts';
import type { Ending } from '../domain/outcome.ts';
import { phases } from '../domain/readiness.ts';
import { DurationHistogram } from './duration-histogram.ts';

/** Every metric of the worker, by name. All start with `vast_worker_`; units are in the names; labels are bounded. */

/** What gauges read when they are scraped. Nothing of this is kept up to date on the path of a request. */
export interface MetricsSource {
  phase(): string;
  phaseSeconds(): Readonly<Record<string, number>>;
  loadSeconds(): number;
  perf(): number;
  throughput(): number;
  openLoad(): number;
  openRequests(): number;
  queuedRequests(): number;
  requestsReceived(): number;
  waitSeconds(): number;
  /** The shortest `maxQueueTime`; Infinity: none. */
  waitLimitSeconds(): number;
  totals(): Readonly<Record<string, number>>;
  pendingDeletions(): number;
  droppedDeletions(): number;
  openSessions(): number;
  accounts(): Iterable<Account>;
}

export interface RouteMetrics {
  /** An admitted or rejected request is over. Durations in seconds. */
  ended(ending: Ending, durationSeconds: number, waitSeconds: number): void;
  calculatorFailed(): void;
}

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

export class WorkerMetrics {
  readonly registry = new Registry();
  /** Endings of requests that their counter has not been told of: it is told when it is scraped. */
  readonly #endings: { labels: Record<'route' | 'outcome' | 'reason', string>; untold: number }[] = [];
  readonly #duration: DurationHistogram;
  readonly #wait: DurationHistogram;
  readonly #calculatorFailures: Counter<'route'>;
  readonly #refused: Counter<'code'>;
  readonly #reports: Counter<'kind' | 'result'>;
  readonly #modelUp: Gauge;
  readonly #modelStarts: Counter<'origin'>;
  readonly #spans: Counter<'result'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry, prefix: 'vast_worker_' });
    const endings = this.#endings;
    new Counter({
      name: 'vast_worker_requests_total',
      help: 'Authenticated requests that are over, by outcome and finer reason',
      labelNames: ['route', 'outcome', 'reason'],
      registers,
      collect() {
        for (const ending of endings) {
          this.inc(ending.labels, ending.untold);
          ending.untold = 0;
        }
      },
    });
    this.#duration = new DurationHistogram(
      this.registry,
      'vast_worker_request_duration_seconds',
      'From admission to the end of a request',
      durationBuckets,
    );
    this.#wait = new DurationHistogram(
      this.registry,
      'vast_worker_queue_wait_seconds',
      'From admission to the turn of a request',
      durationBuckets,
    );
    this.#calculatorFailures = new Counter({
      name: 'vast_worker_workload_fallback_total',
      help: 'Requests whose workload calculator gave no usable number, counted as 100',
      labelNames: ['route'],
      registers,
    });
    this.#refused = new Counter({
      name: 'vast_worker_refused_total',
      help: 'Requests refused before admission: strangers, bad input, quotas; in no figure that is reported',
      labelNames: ['code'],
      registers,
    });
    this.#reports = new Counter({
      name: 'vast_worker_reports_total',
      help: 'Reports to the control plane, by kind (status, deletions) and result (accepted, failed)',
      labelNames: ['kind', 'result'],
      registers,
    });
    this.#modelUp = new Gauge({
      name: 'vast_worker_model_server_up',
      help: '1 when the model server answered its last health check',
      registers,
    });
    this.#modelStarts = new Counter({
      name: 'vast_worker_model_server_starts_total',
      help: 'Model servers this worker started (spawned) or took over from an earlier worker (adopted)',
      labelNames: ['origin'],
      registers,
    });
    this.#spans = new Counter({
      name: 'vast_worker_spans_total',
      help: 'Spans of traces that left this worker, by result: exported, failed (the collector did not take them)',
      labelNames: ['result'],
      registers,
    });
  }

  spansEnded(result: 'exported' | 'failed', count: number): void {
    this.#spans.inc({ result }, count);
  }

  /** Registers the gauges that are read at scrape time. */
  observe(source: MetricsSource): void {
    const registers = [this.registry];
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    gauge('vast_worker_load_seconds', 'From start to ready; 0 until then', () => source.loadSeconds());
    gauge('vast_worker_perf', 'Workload per second, as reported', () => source.perf());
    gauge('vast_worker_throughput', 'Workload per second that waits are estimated by: learned from traffic, or perf', () =>
      source.throughput(),
    );
    gauge('vast_worker_open_load', 'Workload of admitted, unfinished requests', () => source.openLoad());
    gauge('vast_worker_open_requests', 'Admitted, unfinished requests', () => source.openRequests());
    gauge('vast_worker_queued_requests', 'Admitted requests that wait for their turn', () => source.queuedRequests());
    gauge('vast_worker_wait_seconds', 'Seconds a request arriving now would wait, by estimate', () => source.waitSeconds());
    gauge('vast_worker_wait_limit_seconds', 'Shortest wait at which a route refuses requests; +Inf: none', () => source.waitLimitSeconds());
    gauge('vast_worker_pending_deletions', 'Finished requests the control plane has not been told of', () => source.pendingDeletions());
    gauge('vast_worker_open_sessions', 'Open sessions', () => source.openSessions());
    new Gauge({
      name: 'vast_worker_phase',
      help: '1 for the phase the worker is in',
      labelNames: ['phase'],
      registers,
      collect() {
        for (const phase of phases) this.set({ phase }, phase === source.phase() ? 1 : 0);
      },
    });
    counted('vast_worker_phase_seconds_total', 'Seconds spent in each phase since start: the cold-start ledger', 'phase', () =>
      source.phaseSeconds(),
    );
    counted('vast_worker_workload_total', 'Workload since start, by what became of it', 'outcome', () => source.totals());
    counted('vast_worker_requests_received_total', 'Authenticated requests since start, refused ones included', undefined, () => ({
      all: source.requestsReceived(),
    }));
    counted(
      'vast_worker_deletions_dropped_total',
      'Finished requests that were forgotten because the control plane was away too long',
      undefined,
      () => ({
        all: source.droppedDeletions(),
      }),
    );

    used('vast_worker_caller_requests_total', 'Requests of direct mode that are over, by caller and outcome', ({ requests }) => requests);
    used('vast_worker_caller_workload_total', 'Workload of direct mode that is over, by caller and outcome', ({ workload }) => workload);

    function used(name: string, help: string, amountOf: (usage: Usage) => number): void {
      new Counter({
        name,
        help,
        labelNames: ['caller', 'outcome'],
        registers,
        collect() {
          this.reset();
          for (const { name: caller, usage } of source.accounts()) {
            for (const outcome of usageOutcomes) this.inc({ caller, outcome }, amountOf(usage[outcome]));
          }
        },
      });
    }

    function counted(name: string, help: string, label: string | undefined, read: () => Readonly<Record<string, number>>): void {
      new Counter({
        name,
        help,
        labelNames: label ? [label] : [],
        registers,
        collect() {
          this.reset();
          for (const [key, value] of Object.entries(read())) {
            if (label) this.inc({ [label]: key }, value);
            else this.inc(value);
          }
        },
      });
    }
  }

  /** The metrics of one route, label sets resolved once. */
  forRoute(route: string): RouteMetrics {
    const observeDuration = this.#duration.forRoute(route);
    const observeWait = this.#wait.forRoute(route);
    const calculatorFailures = this.#calculatorFailures.labels(route);
    const byReason = new Map<string, { untold: number }>();
    return {
      ended: ({ outcome, reason }, durationSeconds, waitSeconds) => {
        let ending = byReason.get(reason);
        if (!ending) {
          const first = { labels: { route, outcome, reason }, untold: 0 };
          this.#endings.push(first);
          byReason.set(reason, first);
          ending = first;
        }
        ending.untold += 1;
        if (outcome === 'rejected') return;
        observeDuration(durationSeconds);
        observeWait(waitSeconds);
      },
      calculatorFailed: () => calculatorFailures.inc(),
    };
  }

  refused(code: string): void {
    this.#refused.labels(code).inc();
  }

  reported(kind: 'status' | 'deletions', result: 'accepted' | 'failed'): void {
    this.#reports.labels(kind, result).inc();
  }

  modelServerStarted(origin: 'spawned' | 'adopted'): void {
    this.#modelStarts.labels(origin).inc();
  }

  modelServerUp(isUp: boolean): void {
    this.#modelUp.set(isUp ? 1 : 0);
  }
}
