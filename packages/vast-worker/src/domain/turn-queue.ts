/**
 * One lane: first in, first out, so many at a time (one on a serial route). Pure bookkeeping over members of any kind;
 * whoever calls tells the member that `leave` names that its turn has come.
 */
export class TurnQueue<Member extends object> {
  readonly #capacity: number;
  readonly #running = new Set<Member>();
  readonly #waiting = new Set<Member>();

  /** @param capacity how many may run at once */
  constructor(capacity = 1) {
    this.#capacity = capacity;
  }

  /** @returns true when it is the member's turn at once. */
  join(member: Member): boolean {
    if (this.#running.size < this.#capacity) {
      this.#running.add(member);
      return true;
    }
    this.#waiting.add(member);
    return false;
  }

  /** The member is done, or gave up waiting. @returns the member whose turn has come by that, if any. */
  leave(member: Member): Member | undefined {
    if (this.#waiting.delete(member) || !this.#running.delete(member)) return undefined;
    const [next] = this.#waiting;
    if (next !== undefined) {
      this.#waiting.delete(next);
      this.#running.add(next);
    }
    return next;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }
}
