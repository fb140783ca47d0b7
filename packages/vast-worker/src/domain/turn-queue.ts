/**
 * One lane of a serial route: first in, first out, one at a time. Pure bookkeeping over members of any kind; whoever
 * calls tells the member that `next` names that its turn has come.
 */
export class TurnQueue<Member extends object> {
  #running: Member | undefined;
  readonly #waiting = new Set<Member>();

  /** @returns true when it is the member's turn at once. */
  join(member: Member): boolean {
    if (this.#running === undefined) {
      this.#running = member;
      return true;
    }
    this.#waiting.add(member);
    return false;
  }

  /** The member is done, or gave up waiting. @returns the member whose turn has come by that, if any. */
  leave(member: Member): Member | undefined {
    if (this.#waiting.delete(member) || this.#running !== member) return undefined;
    const [next] = this.#waiting;
    this.#running = next;
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get running(): Member | undefined {
    return this.#running;
  }
}
