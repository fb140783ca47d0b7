import type { Clock } from '../adapters/clock.ts';
import type { ClientWatcher, Exchange } from '../adapters/exchange.ts';
import type { RouteMetrics } from '../adapters/metrics.ts';
import type { Account } from '../domain/account.ts';
import { refuse, type Share } from '../domain/admission.ts';
import { knownRoutes } from '../domain/known-routes.ts';
import type { LedgerEntry, Outcome } from '../domain/load-ledger.ts';
import { type Ending, endingOfError, endingOfStatus } from '../domain/outcome.ts';
import { TurnQueue } from '../domain/turn-queue.ts';
import { WorkerError } from '../errors.ts';
import type { Handler, Payload } from './handler-config.ts';
import type { WorkerState } from './state.ts';

/** Admission, turns and endings of requests. Decides and books in the same tick. */

export interface ArrivedRequest {
  /** undefined: it did not come by the control plane. */
  requestIdx: number | undefined;
  workload: number;
  inSession: boolean;
  /** Who is told apart from others, in direct mode; undefined: the control plane's. */
  caller?: string | undefined;
  /** Whose quotas it is charged to. */
  account?: Account | undefined;
  /** Milliseconds from now by which it wants its turn; undefined: no matter. */
  deadlineMs?: number | undefined;
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
  /** Σ workload of the open requests of callers that are told apart. */
  readonly #loadOf = new Map<string, number>();
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

  /** @throws WorkerError QUOTA_EXCEEDED, in no book; or as `refuse` says, with when to come again, and in the books */
  admit(route: RouteDesk, arrived: ArrivedRequest): Ticket {
    const state = this.#state;
    const { lane, handler } = route;
    const now = this.#clock.now();
    if (arrived.account) charge(arrived.account, arrived.workload, now);
    const ticket = new Ticket(arrived, route, this, now);
    const refusal = refuse({
      phase: state.phase,
      workingLoad: state.ledger.workingLoad,
      throughput: state.throughput,
      maxQueueTime: handler.maxQueueTime,
      waitingCount: lane?.waitingCount ?? 0,
      maxQueueLength: handler.maxQueueLength,
      hasToWait: lane?.isFull ?? false,
      deadlineSeconds: arrived.deadlineMs === undefined ? undefined : arrived.deadlineMs / 1000,
      share: arrived.caller === undefined ? undefined : this.#shareOf(arrived.caller),
    });
    if (refusal) {
      const { code, retryAfterSeconds } = refusal;
      state.ledger.reject(ticket);
      arrived.account?.settle('rejected', ticket.workload);
      route.metrics.ended({ outcome: 'rejected', reason: code.toLowerCase() }, 0, 0);
      state.changed();
      throw new WorkerError(code, `phase ${state.phase}, open load ${state.ledger.openLoad}`, { retryAfterSeconds });
    }
    state.ledger.admit(ticket);
    if (this.#openCount === 0) this.#busySince = now;
    this.#openCount += 1;
    if (ticket.caller !== undefined) this.#addLoad(ticket.caller, ticket.workload);
    state.changed();
    return ticket;
  }

  #shareOf(caller: string): Share {
    const callerLoad = this.#loadOf.get(caller) ?? 0;
    return { callerLoad, callers: this.#loadOf.size + (this.#loadOf.has(caller) ? 0 : 1) };
  }

  #addLoad(caller: string, workload: number): void {
    const load = (this.#loadOf.get(caller) ?? 0) + workload;
    if (load > 0) this.#loadOf.set(caller, load);
    else this.#loadOf.delete(caller);
  }

  /** As much is open as the benchmark had, or somebody waits: what is served now is what the model server can do. */
  get isFull(): boolean {
    return this.#openCount >= this.#state.benchmarkConcurrency || this.queuedCount > 0;
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
    if (ticket.caller !== undefined) this.#addLoad(ticket.caller, -ticket.workload);
    ticket.account?.settle(ending.outcome, ticket.workload);
    if (this.#openCount === 0) this.#busyMs += now - this.#busySince;
    ticket.route.lane?.leave(ticket)?.takeTurn();
    ticket.onEnd?.();
    const startedAt = ticket.workStartedAt === 0 ? now / 1000 : ticket.workStartedAt;
    ticket.route.metrics.ended(ending, now / 1000 - ticket.enteredQueueAt, startedAt - ticket.enteredQueueAt);
    this.#state.changed();
  }
}

/** @throws WorkerError QUOTA_EXCEEDED */
export function charge(account: Account, workload: number, nowMs: number): void {
  const waitSeconds = account.charge(workload, nowMs / 1000);
  if (waitSeconds > 0) throw new WorkerError('QUOTA_EXCEEDED', account.name, { retryAfterSeconds: Math.ceil(waitSeconds) });
}

/** One admitted request: its place in the queue and its line in the books. */
export class Ticket implements LedgerEntry, ClientWatcher {
  readonly workload: number;
  readonly requestIdx: number | undefined;
  readonly inSession: boolean;
  readonly caller: string | undefined;
  readonly account: Account | undefined;
  readonly isReservation = false;
  readonly enteredQueueAt: number;
  readonly route: RouteDesk;
  workStartedAt = 0;
  outcome: Outcome | undefined;
  position: number | undefined;
  readonly #desk: TicketDesk;
  readonly #deadlineMs: number | undefined;
  /** Called once, when the ticket has ended. */
  onEnd: (() => void) | undefined;
  #exchange: Exchange | undefined;
  #wake: ((refusal: WorkerError | undefined) => void) | undefined;

  constructor(arrived: ArrivedRequest, route: RouteDesk, desk: TicketDesk, nowMs: number) {
    this.workload = arrived.workload;
    this.requestIdx = arrived.requestIdx;
    this.inSession = arrived.inSession;
    this.caller = arrived.caller;
    this.account = arrived.account;
    this.#deadlineMs = arrived.deadlineMs;
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
   * @throws WorkerError QUEUE_TIMEOUT after `maxQueueTime`, DEADLINE_UNREACHABLE when the caller's is sooner, or the reason it was aborted with
   */
  turn(): Promise<void> | undefined {
    const { lane } = this.route;
    if (lane && !lane.join(this)) return this.#waitInLane();
    this.workStartedAt = this.#desk.now() / 1000;
    return undefined;
  }

  async #waitInLane(): Promise<void> {
    const patience = this.#patience();
    const refusal = await new Promise<WorkerError | undefined>((resolve) => {
      const stopTimer = patience && this.#desk.after(patience.seconds, () => this.#leaveQueue(patience.refusal()));
      this.#wake = (reason) => {
        this.#wake = undefined;
        stopTimer?.();
        resolve(reason);
      };
    });
    if (refusal) throw refusal;
  }

  /** How long it may wait, and what it is told then: the route's limit, or the caller's deadline when that is sooner. */
  #patience(): { seconds: number; refusal: () => WorkerError } | undefined {
    const limit = this.route.handler.maxQueueTime ?? Number.POSITIVE_INFINITY;
    const deadline = this.#deadlineMs === undefined ? Number.POSITIVE_INFINITY : this.#deadlineMs / 1000;
    const seconds = Math.min(limit, deadline);
    if (seconds === Number.POSITIVE_INFINITY) return undefined;
    const code = deadline < limit ? 'DEADLINE_UNREACHABLE' : 'QUEUE_TIMEOUT';
    return { seconds, refusal: () => new WorkerError(code, `waited ${seconds} s`, { retryAfterSeconds: 1 }) };
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
  facts(): {
    route: string;
    requestIdx: number | undefined;
    caller: string | undefined;
    workload: number;
    waitSeconds: number;
    durationSeconds: number;
    outcome: string;
  } {
    const nowSeconds = this.#desk.now() / 1000;
    return {
      route: this.route.handler.route,
      requestIdx: this.requestIdx,
      caller: this.caller,
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
