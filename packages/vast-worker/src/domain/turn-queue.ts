/**
 * One lane: first in, first out, so many at a time (one on a serial route). Where callers are told apart they take turns,
 * each first in first out, so that a long row of one keeps nobody else waiting. Pure bookkeeping over members of any
 * kind; whoever calls tells the member that `leave` names that its turn has come.
 */
export class TurnQueue<Member extends { readonly caller?: string | undefined }> {
  readonly #capacity: number;
  readonly #running = new Set<Member>();
  /** Those of one caller, in order of arrival; callers in the order of their next turns. */
  readonly #waiting = new Map<string | undefined, Set<Member>>();
  #waitingCount = 0;

  /** @param capacity how many may run at once */
  constructor(capacity = 1) {
    this.#capacity = capacity;
  }

  /** A member that joined now would wait. */
  get isFull(): boolean {
    return this.#running.size >= this.#capacity;
  }

  /** @returns true when it is the member's turn at once. */
  join(member: Member): boolean {
    if (!this.isFull) {
      this.#running.add(member);
      return true;
    }
    const row = this.#waiting.get(member.caller);
    if (row) row.add(member);
    else this.#waiting.set(member.caller, new Set([member]));
    this.#waitingCount += 1;
    return false;
  }

  /** The member is done, or gave up waiting. @returns the member whose turn has come by that, if any. */
  leave(member: Member): Member | undefined {
    if (this.#leaveRow(member) || !this.#running.delete(member)) return undefined;
    const next = this.#next();
    if (next === undefined) return undefined;
    this.#leaveRow(next);
    this.#running.add(next);
    return next;
  }

  /** The first of the caller whose turn it is; that caller then comes last. */
  #next(): Member | undefined {
    for (const [caller, row] of this.#waiting) {
      const [first] = row;
      this.#waiting.delete(caller);
      this.#waiting.set(caller, row);
      return first;
    }
    return undefined;
  }

  #leaveRow(member: Member): boolean {
    const row = this.#waiting.get(member.caller);
    if (!row?.delete(member)) return false;
    if (row.size === 0) this.#waiting.delete(member.caller);
    this.#waitingCount -= 1;
    return true;
  }

  get waitingCount(): number {
    return this.#waitingCount;
  }

  get runningCount(): number {
    return this.#running.size;
  }
}
