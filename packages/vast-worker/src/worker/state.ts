import type { Clock } from '../adapters/clock.ts';
import type { Logger } from '../adapters/logger.ts';
import { estimateWaitSeconds } from '../domain/admission.ts';
import { LoadLedger } from '../domain/load-ledger.ts';
import {
  breakWindow,
  estimatedPerf,
  hasLearned,
  learnPerf,
  type PerfEstimate,
  startPerfEstimate,
  throughputShown,
} from '../domain/perf-estimate.ts';
import { advance, type Phase, phases, type Signal } from '../domain/readiness.ts';

/** Where the figure for load per second comes from. */
export type PerfSource = 'none' | 'benchmark' | 'cache' | 'initial' | 'traffic';

/** The one mutable cell: phase, perf, ledger. Decides and applies in the same tick, and wakes whoever waits for a change. */
export class WorkerState {
  readonly ledger: LoadLedger;
  /** True when there is something the control plane does not know. */
  hasNews = true;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #startedAt: number;
  readonly #phaseMs = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
  #phase: Phase = 'loading';
  #phaseSince: number;
  #reason = 'the model server is loading';
  /** What was seen last, while it lasts. */
  #detail = '';
  #loadSeconds = 0;
  #perf = 0;
  #perfSource: PerfSource = 'none';
  /** In the place of a benchmark. */
  #estimate: PerfEstimate | undefined;
  /** What traffic shows after a benchmark. */
  #shown: PerfEstimate = startPerfEstimate(0);
  #throughputShown: number | undefined;
  #benchmarkConcurrency = Number.POSITIVE_INFINITY;
  /** Replaced, never changed: the tables of a Set know the next one, and keep all that passes through. */
  #waiting: readonly (() => void)[] = [];

  constructor(options: { clock: Clock; log: Logger; keepDeletions: boolean }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.ledger = new LoadLedger({ keepDeletions: options.keepDeletions });
    this.#startedAt = options.clock.now();
    this.#phaseSince = this.#startedAt;
  }

  get phase(): Phase {
    return this.#phase;
  }
  /** Why the worker is in its phase, in words; the failure's cause in `failed`. */
  get reason(): string {
    return this.#detail === '' ? this.#reason : `${this.#reason}: ${this.#detail}`;
  }
  /** Milliseconds since the epoch. */
  get phaseSince(): number {
    return this.#phaseSince;
  }
  get perf(): number {
    return this.#perf;
  }
  get perfSource(): PerfSource {
    return this.#perfSource;
  }
  /** Seconds from start to the first time ready; 0 until then. */
  get loadSeconds(): number {
    return this.#loadSeconds;
  }
  /** For the control plane: empty unless failed. */
  get errorMessage(): string {
    return this.#phase === 'failed' ? this.#reason : '';
  }
  /** Load per second that waits are estimated by: what full windows of traffic show, until then `perf`. */
  get throughput(): number {
    return this.#throughputShown ?? this.#perf;
  }
  /** Which of the two it is. */
  get throughputSource(): PerfSource {
    return this.#throughputShown === undefined ? this.#perfSource : 'traffic';
  }
  get waitSeconds(): number {
    return this.throughput > 0 ? estimateWaitSeconds(this.ledger.workingLoad, this.throughput) : 0;
  }
  /** From so many open requests on the model server has as much to do as it had in the benchmark. */
  get benchmarkConcurrency(): number {
    return this.#benchmarkConcurrency;
  }

  /** Applies a signal. @returns true when it changed the phase. */
  signal(signal: Signal, reason: string): boolean {
    const next = advance(this.#phase, signal);
    if (next === this.#phase) return false;
    const now = this.#clock.now();
    const secondsInPhase = (now - this.#phaseSince) / 1000;
    this.#phaseMs[this.#phase] += now - this.#phaseSince;
    const previous = this.#phase;
    this.#phase = next;
    this.#phaseSince = now;
    this.#reason = reason;
    this.#detail = '';
    if (next === 'ready' && this.#loadSeconds === 0) this.#loadSeconds = (now - this.#startedAt) / 1000;
    this.#log[next === 'failed' ? 'error' : 'info']({ phase: next, previous, secondsInPhase, reason }, 'phase changed');
    this.changed();
    return true;
  }

  /** Says more of why the worker is in this phase, until that changes or there is something else to say. */
  explain(phase: Phase, detail: string): void {
    if (phase === this.#phase) this.#detail = detail;
  }

  setPerf(perf: number, source: 'benchmark' | 'cache', concurrency: number): void {
    this.#perf = perf;
    this.#perfSource = source;
    this.#benchmarkConcurrency = concurrency;
    this.#shown = startPerfEstimate(perf);
    this.#throughputShown = undefined;
    this.changed();
  }

  /** From here on perf follows what traffic shows. */
  learnPerfFrom(initialPerf: number): void {
    this.#estimate = startPerfEstimate(initialPerf);
    this.#perf = initialPerf;
    this.#perfSource = 'initial';
    this.changed();
  }

  get isLearningPerf(): boolean {
    return this.#estimate !== undefined;
  }

  /** Adds what was served in `busySeconds` with requests open. `isFull`: work was waiting all along. */
  learn(servedLoad: number, busySeconds: number, isFull: boolean): void {
    if (this.#estimate) {
      this.#estimate = learnPerf(this.#estimate, servedLoad, busySeconds);
      this.#perf = estimatedPerf(this.#estimate);
      if (hasLearned(this.#estimate)) this.#perfSource = 'traffic';
      return;
    }
    this.#shown = isFull ? learnPerf(this.#shown, servedLoad, busySeconds) : breakWindow(this.#shown);
    this.#throughputShown = throughputShown(this.#shown);
  }

  /** Seconds spent in each phase since start, the present one included. */
  phaseSeconds(): Record<Phase, number> {
    const present = this.#clock.now() - this.#phaseSince;
    return Object.fromEntries(
      phases.map((phase) => [phase, (this.#phaseMs[phase] + (phase === this.#phase ? present : 0)) / 1000]),
    ) as Record<Phase, number>;
  }

  /** Something changed that the control plane or a waiter should know. */
  changed(): void {
    this.hasNews = true;
    for (const look of this.#waiting) look();
  }

  /** Resolves once `isMet`, which is looked at now and after each change, or rejects with the signal's reason. */
  until(isMet: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== look);
      };
      const onAbort = () => {
        leave();
        reject(signal.reason);
      };
      const look = () => {
        if (!isMet()) return;
        leave();
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting = [...this.#waiting, look];
      look();
    });
  }

  /** Resolves as soon as the worker is in one of `wanted`. */
  async untilPhase(wanted: readonly Phase[], signal: AbortSignal): Promise<Phase> {
    await this.until(() => wanted.includes(this.#phase), signal);
    return this.#phase;
  }
}
