import type { LedgerEntry } from './load-ledger.ts';

/** Open sessions: who has one, until when, and what runs in it. Times are epoch seconds. */

export interface Session {
  readonly id: string;
  /** The grant it was created with, whole. */
  readonly authData: Record<string, unknown>;
  /** Of `authData`; what a caller has to show again. */
  readonly authDigest: Buffer;
  /** Seconds without a request after which it ends. */
  readonly lifetime: number;
  readonly createdAt: number;
  /** Path of the model server, told when the session ends. */
  readonly onCloseRoute: string | null;
  readonly onClosePayload: unknown;
  /** Its line in the books: reserves the grant's `cost` for its life. */
  readonly entry: LedgerEntry;
  expiration: number;
  /** Ends what runs in the session. */
  readonly running: Set<{ abort: () => void }>;
}

export class SessionBook {
  readonly #open = new Map<string, Session>();
  readonly #limit: number;

  /** @param limit open sessions at most; null or 0 = any number */
  constructor(limit: number | null) {
    this.#limit = limit || Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= this.#limit;
  }

  add(session: Session): void {
    this.#open.set(session.id, session);
  }

  /** undefined for unknown and for expired sessions: those that were not yet collected, too. */
  find(id: string, now: number): Session | undefined {
    const session = this.#open.get(id);
    return session && session.expiration > now ? session : undefined;
  }

  /** A request was let in: the session lives for another lifetime from now, and not longer however many come at once. */
  touch(session: Session, now: number): void {
    session.expiration = Math.max(session.expiration, now + session.lifetime);
  }

  /** Takes a session out. @returns false when somebody else has: only one may close it */
  remove(session: Session): boolean {
    return this.#open.delete(session.id);
  }

  expired(now: number): Session[] {
    return [...this.#open.values()].filter(({ expiration }) => expiration <= now);
  }

  all(): Session[] {
    return [...this.#open.values()];
  }
}
