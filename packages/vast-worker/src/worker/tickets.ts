import type { Clock } from '../adapters/clock.ts';
import type { ClientWatcher, Exchange } from '../adapters/exchange.ts';
import type { RouteMetrics } from '../adapters/metrics.ts';
import { refuse } from '../domain/admission.ts';
import { knownRoutes } from '../domain/known-routes.ts';
import type { LedgerEntry, Outcome } from '../domain/load-ledger.ts';
import { type Ending, endingOfError, endingOfStatus } from '../domain/outcome.ts';
import { TurnQueue } from '../domain/turn-queue.ts';
import { WorkerError } from '../errors.ts';
import type { Handler, Payload } from './handler-config.ts';
import type { WorkerState } from './state.ts';

/** Admission, turns and endings of requests. Decides and books in the same tick. */

export interface ArrivedRequest {
  requestIdx: number;
  workload: number;
  inSession: boolean;
}

/** One route, ready to serve: its handler and what was worked out from it once. */
export interface RouteDesk {
  readonly handler: Handler;
  readonly upstreamPath: string;
  readonly workloadCalculator: ((payload: Payload) => number) | undefined;
  readonly metrics: RouteMetrics;
  /** undefined: any number at once. */
  readonly lane: TurnQueue<Ticket> | undefined;
}

export class TicketDesk {
  readonly #state: WorkerState;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, TurnQueue<Ticket>>();
  readonly #limited: TurnQueue<Ticket>[] = [];
  #openCount = 0;
  #busySince = 0;
  #busyMs = 0;

  constructor(state: WorkerState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Serial handlers of the same lane share one queue. */
  openRoute(handler: Handler, metrics: RouteMetrics): RouteDesk {
    return {
      handler,
      metrics,
      upstreamPath: handler.upstreamPath ?? handler.route,
      workloadCalculator: handler.workloadCalculator ?? knownRoutes.get(handler.route)?.workloadCalculator,
      lane: handler.allowParallelRequests ? this.#ownLane(handler) : this.#lane(handler.lane),
    };
  }

  /** Of a parallel route that may not run everything at once. */
  #ownLane({ maxConcurrency }: Handler): TurnQueue<Ticket> | undefined {
    if (maxConcurrency === undefined) return undefined;
    const lane = new TurnQueue<Ticket>(maxConcurrency);
    this.#limited.push(lane);
    return lane;
  }

  #lane(name: string): TurnQueue<Ticket> {
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = new TurnQueue();
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** @throws WorkerError WORKER_NOT_READY, WORKER_DRAINING, QUEUE_TOO_LONG; the refusal is in the books */
  admit(route: RouteDesk, arrived: ArrivedRequest): Ticket {
    const state = this.#state;
    const now = this.#clock.now();
    const ticket = new Ticket(arrived, route, this, now);
    const refusal = refuse({
      phase: state.phase,
      workingLoad: state.ledger.workingLoad,
      perf: state.perf,
      maxQueueTime: route.handler.maxQueueTime,
    });
    if (refusal) {
      state.ledger.reject(ticket);
      route.metrics.ended({ outcome: 'rejected', reason: refusal.toLowerCase() }, 0, 0);
      state.changed();
      throw new WorkerError(refusal, `phase ${state.phase}, open load ${state.ledger.openLoad}`);
    }
    state.ledger.admit(ticket);
    if (this.#openCount === 0) this.#busySince = now;
    this.#openCount += 1;
    state.changed();
    return ticket;
  }

  get queuedCount(): number {
    let count = 0;
    for (const lane of [...this.#lanes.values(), ...this.#limited]) count += lane.waitingCount;
    return count;
  }

  /** Seconds since start with at least one request open. */
  busySeconds(): number {
    return (this.#busyMs + (this.#openCount > 0 ? this.#clock.now() - this.#busySince : 0)) / 1000;
  }

  /** Resolves when no ticket is open, or rejects with the signal's reason. */
  untilIdle(signal: AbortSignal): Promise<void> {
    return this.#state.until(() => this.#openCount === 0, signal);
  }

  /** Ends every open request from our side. */
  abortAll(reason: WorkerError): void {
    for (const entry of this.#state.ledger.openEntries()) if (entry instanceof Ticket) entry.abort(reason);
  }

  /** For tickets only. */
  after(seconds: number, callback: () => void): () => void {
    return this.#clock.after(seconds * 1000, callback);
  }

  /** For tickets only. */
  now(): number {
    return this.#clock.now();
  }

  /** For tickets only: books the end and hands the turn on. */
  close(ticket: Ticket, ending: Ending): void {
    const now = this.#clock.now();
    if (!this.#state.ledger.end(ticket, ending.outcome, now / 1000)) return;
    this.#openCount -= 1;
    if (this.#openCount === 0) this.#busyMs += now - this.#busySince;
    ticket.route.lane?.leave(ticket)?.takeTurn();
    ticket.onEnd?.();
    const startedAt = ticket.workStartedAt === 0 ? now / 1000 : ticket.workStartedAt;
    ticket.route.metrics.ended(ending, now / 1000 - ticket.enteredQueueAt, startedAt - ticket.enteredQueueAt);
    this.#state.changed();
  }
}

/** One admitted request: its place in the queue and its line in the books. */
export class Ticket implements LedgerEntry, ClientWatcher {
  readonly workload: number;
  readonly requestIdx: number;
  readonly inSession: boolean;
  readonly isReservation = false;
  readonly enteredQueueAt: number;
  readonly route: RouteDesk;
  workStartedAt = 0;
  outcome: Outcome | undefined;
  position: number | undefined;
  readonly #desk: TicketDesk;
  /** Called once, when the ticket has ended. */
  onEnd: (() => void) | undefined;
  #exchange: Exchange | undefined;
  #wake: ((refusal: WorkerError | undefined) => void) | undefined;

  constructor(arrived: ArrivedRequest, route: RouteDesk, desk: TicketDesk, nowMs: number) {
    this.workload = arrived.workload;
    this.requestIdx = arrived.requestIdx;
    this.inSession = arrived.inSession;
    this.enteredQueueAt = nowMs / 1000;
    this.route = route;
    this.#desk = desk;
  }

  /** A client that leaves gives up its place in the queue at once. */
  follow(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.watcher = this;
  }

  clientGone(reason: WorkerError): void {
    this.#leaveQueue(reason);
  }

  /**
   * Waits for the turn of this request: at once on parallel routes, else first in first out.
   * @returns undefined when there is nothing to wait for
   * @throws WorkerError QUEUE_TIMEOUT after `maxQueueTime`, or the reason it was aborted with
   */
  turn(): Promise<void> | undefined {
    const { lane } = this.route;
    if (lane && !lane.join(this)) return this.#waitInLane();
    this.workStartedAt = this.#desk.now() / 1000;
    return undefined;
  }

  async #waitInLane(): Promise<void> {
    const { handler } = this.route;
    const refusal = await new Promise<WorkerError | undefined>((resolve) => {
      const stopTimer =
        handler.maxQueueTime === null
          ? undefined
          : this.#desk.after(handler.maxQueueTime, () => {
              this.#leaveQueue(new WorkerError('QUEUE_TIMEOUT', `waited ${handler.maxQueueTime} s`));
            });
      this.#wake = (reason) => {
        this.#wake = undefined;
        stopTimer?.();
        resolve(reason);
      };
    });
    if (refusal) throw refusal;
  }

  /** For the desk: it is this ticket's turn. */
  takeTurn(): void {
    this.workStartedAt = this.#desk.now() / 1000;
    this.#wake?.(undefined);
  }

  /** Ends the request from our side: its wait, or its call to the model server. */
  abort(reason: WorkerError): void {
    this.#exchange?.abort(reason);
  }

  /** For logs. Seconds. */
  facts(): { route: string; requestIdx: number; workload: number; waitSeconds: number; durationSeconds: number; outcome: string } {
    const nowSeconds = this.#desk.now() / 1000;
    return {
      route: this.route.handler.route,
      requestIdx: this.requestIdx,
      workload: this.workload,
      waitSeconds: (this.workStartedAt || nowSeconds) - this.enteredQueueAt,
      durationSeconds: nowSeconds - this.enteredQueueAt,
      outcome: this.outcome ?? 'open',
    };
  }

  /** The model server answered; its status decides what the books say. Only the first end counts. */
  endWithStatus(status: number): void {
    this.#desk.close(this, endingOfStatus(status));
  }

  /** Something else ended it. */
  endWithError(error: unknown): void {
    this.#desk.close(this, endingOfError(error instanceof WorkerError ? error.code : undefined));
  }

  /** Gives the place up at once, so that nobody waits behind somebody who left. */
  #leaveQueue(reason: WorkerError): void {
    if (!this.#wake) return;
    this.route.lane?.leave(this);
    this.#wake(reason);
  }
}
