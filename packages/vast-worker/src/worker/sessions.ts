import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type AuthData, authDataSchema, createSessionSchema, parseEnvelope, sessionRequestSchema } from '@bluefly/vast-protocol';
import type { Clock } from '../adapters/clock.ts';
import type { Logger } from '../adapters/logger.ts';
import type { ModelServerClient } from '../adapters/model-server-client.ts';
import { type Session, SessionBook } from '../domain/session-book.ts';
import { exactWorkload, maxWorkload } from '../domain/workload.ts';
import { WorkerError } from '../errors.ts';
import type { WorkerState } from './state.ts';
import type { Ticket } from './tickets.ts';

/**
 * Sessions pin a client to this worker and reserve load for as long as they live. Every call shows a grant that
 * verifies; nothing is looked up, let alone extended, before it does.
 */

export interface SessionDeps {
  state: WorkerState;
  modelServer: ModelServerClient;
  clock: Clock;
  log: Logger;
  maxSessions: number | null;
  /** Seconds; longer lifetimes are cut to it. */
  maxSessionLifetime: number;
  maxBodyDepth: number;
  verify(auth: AuthData, rawAuth: Buffer | undefined, inSession: boolean): void | Promise<void>;
}

const collectEveryMs = 1_000;
const onCloseTimeoutMs = 10_000;

export class Sessions {
  readonly #deps: SessionDeps;
  readonly #book: SessionBook;
  readonly #closing = new Set<Promise<void>>();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#book = new SessionBook(deps.maxSessions);
  }

  get openCount(): number {
    return this.#book.size;
  }

  /** `POST /session/create`. @throws WorkerError */
  async create(body: Buffer): Promise<{ session_id: string; expiration: number }> {
    const { state, clock, maxSessionLifetime } = this.#deps;
    const envelope = parseEnvelope(body, { maxDepth: this.#deps.maxBodyDepth });
    if (!envelope.ok) throw new WorkerError('ENVELOPE_INVALID', 'session', { details: envelope.problems });
    await this.#deps.verify(envelope.auth, envelope.authBytes, false);
    const request = this.#check(createSessionSchema, envelope.payload, 'payload');
    const onCloseRoute = request.on_close_route;
    if (onCloseRoute !== null && !isOwnPath(onCloseRoute)) {
      throw new WorkerError('PAYLOAD_INVALID', 'on_close_route', {
        details: [{ path: 'payload.on_close_route', message: 'expected a path of the model server, such as /release' }],
      });
    }
    const { cost } = envelope.auth;
    if (!(cost >= 0 && cost <= maxWorkload)) {
      throw new WorkerError('ENVELOPE_INVALID', 'cost', { details: [{ path: 'auth_data.cost', message: 'expected a load of 0 or more' }] });
    }
    if (state.phase === 'draining') throw new WorkerError('WORKER_DRAINING', 'session');
    if (state.phase !== 'ready') throw new WorkerError('WORKER_NOT_READY', 'session');

    const now = clock.now() / 1000;
    const entry = {
      workload: exactWorkload(cost),
      requestIdx: envelope.auth.request_idx,
      inSession: false,
      isReservation: true,
      enteredQueueAt: now,
      workStartedAt: now,
      outcome: undefined,
    };
    state.changed();
    if (this.#book.isFull) {
      state.ledger.reject(entry);
      throw new WorkerError('SESSION_LIMIT', `${this.#book.size} sessions are open`);
    }
    state.ledger.admit(entry);
    const lifetime = Math.min(request.lifetime, maxSessionLifetime);
    const session: Session = {
      id: randomBytes(16).toString('hex'),
      authData: envelope.auth,
      authDigest: digestOf(envelope.auth),
      lifetime,
      createdAt: now,
      onCloseRoute,
      onClosePayload: onCloseRoute === null ? null : request.on_close_payload,
      entry,
      expiration: now + lifetime,
      running: new Set(),
    };
    this.#book.add(session);
    return { session_id: session.id, expiration: session.expiration };
  }

  /** `POST /session/get`: does not extend. @throws WorkerError */
  async get(body: Buffer): Promise<Record<string, unknown>> {
    const session = await this.#authenticated(body);
    if (!session) throw new WorkerError('SESSION_NOT_FOUND', 'get');
    return {
      session_id: session.id,
      auth_data: session.authData,
      lifetime: session.lifetime,
      expiration: session.expiration,
      created_at: session.createdAt,
      on_close_route: session.onCloseRoute,
      on_close_payload: session.onClosePayload ?? null,
    };
  }

  /** `POST /session/health`: whether it is open, for who holds a grant. @throws WorkerError */
  async health(body: Buffer): Promise<{ ok: boolean }> {
    return { ok: (await this.#authenticated(body)) !== undefined };
  }

  /** `POST /session/end`. @throws WorkerError */
  async end(body: Buffer): Promise<{ ended: true; removed_session: string }> {
    const session = await this.#authenticated(body);
    if (!session) throw new WorkerError('SESSION_NOT_FOUND', 'end');
    if (!this.#close(session)) throw new WorkerError('SESSION_UNKNOWN', 'closed meanwhile');
    return { ended: true, removed_session: session.id };
  }

  /** The session of a request that verified. @throws WorkerError SESSION_UNKNOWN, SESSION_AUTH_INVALID */
  require(id: string, auth: AuthData): Session {
    const session = this.#book.find(id, this.#deps.clock.now() / 1000);
    if (!session) throw new WorkerError('SESSION_UNKNOWN', 'request');
    if (!timingSafeEqual(session.authDigest, digestOf(auth))) throw new WorkerError('SESSION_AUTH_INVALID', 'request');
    return session;
  }

  /** A request was let in: it extends the session, and ends with it. @returns leaves the session */
  join(session: Session, ticket: Ticket): () => void {
    this.#book.touch(session, this.#deps.clock.now() / 1000);
    const member = { abort: () => ticket.abort(new WorkerError('SESSION_UNKNOWN', 'the session has ended')) };
    session.running.add(member);
    return () => session.running.delete(member);
  }

  /** Closes what has expired; runs until the signal aborts. */
  async collect(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(collectEveryMs, signal).catch(() => undefined);
      for (const session of this.#book.expired(clock.now() / 1000)) this.#close(session);
    }
  }

  /** Closes all of them and waits for what the model server is told, bounded. */
  async closeAll(): Promise<void> {
    for (const session of this.#book.all()) this.#close(session);
    await Promise.all(this.#closing);
  }

  /** Takes it out, ends what runs in it, books it as served, tells the model server. A slow model server holds up nobody. */
  #close(session: Session): boolean {
    if (!this.#book.remove(session)) return false;
    const { state, clock } = this.#deps;
    for (const member of [...session.running]) member.abort();
    state.ledger.end(session.entry, 'served', clock.now() / 1000);
    state.changed();
    if (session.onCloseRoute !== null) {
      const telling = this.#tellModelServer(session, session.onCloseRoute).finally(() => this.#closing.delete(telling));
      this.#closing.add(telling);
    }
    return true;
  }

  async #tellModelServer({ id, onClosePayload }: Session, path: string): Promise<void> {
    const json = { session_id: id, ...asObject(onClosePayload) };
    try {
      const { statusCode: status, body } = await this.#deps.modelServer.ask(path, { json }, AbortSignal.timeout(onCloseTimeoutMs));
      await body.dump();
      if (status < 200 || status > 299) this.#deps.log.warn({ status }, 'on_close_route did not answer with success');
    } catch {
      this.#deps.log.warn({}, 'on_close_route could not be reached');
    }
  }

  /** The open session that the body names, once its `session_auth` verifies and is the one the session was created with. */
  async #authenticated(body: Buffer): Promise<Session | undefined> {
    const request = this.#check(sessionRequestSchema, parseJson(body), '');
    const auth = this.#check(authDataSchema, request.session_auth, 'session_auth');
    await this.#deps.verify(auth, undefined, true);
    const session = this.#book.find(request.session_id, this.#deps.clock.now() / 1000);
    if (session && !timingSafeEqual(session.authDigest, digestOf(request.session_auth)))
      throw new WorkerError('SESSION_AUTH_INVALID', 'session');
    return session;
  }

  #check<Output>(schema: { safeParse(value: unknown): SafeParse<Output> }, value: unknown, where: string): Output {
    const result = schema.safeParse(value);
    if (result.success) return result.data as Output;
    const details = (result.error?.issues ?? []).map(({ path, message }) => ({
      path: [where, ...path.map(String)].filter((part) => part !== '').join('.'),
      message,
    }));
    throw new WorkerError('PAYLOAD_INVALID', details.map(({ path }) => path).join(', '), { details });
  }
}

interface SafeParse<Output> {
  success: boolean;
  data?: Output;
  error?: { issues: { path: PropertyKey[]; message: string }[] };
}

/** A path of the own model server; nothing that a URL parser could take for another host. */
const isOwnPath = (path: string) => /^\/(?![/\\])[^\\\s]*$/.test(path);

const asObject = (payload: unknown): Record<string, unknown> => {
  if (payload === null || payload === undefined) return {};
  return typeof payload === 'object' && !Array.isArray(payload) ? (payload as Record<string, unknown>) : { payload };
};

/** Of the JSON value, whatever the order of keys and the spelling of numbers. */
function digestOf(value: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(value, sortKeys)).digest();
}

function sortKeys(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new WorkerError('PAYLOAD_INVALID', 'not JSON', { details: [{ path: '', message: 'expected valid JSON' }] });
  }
}
