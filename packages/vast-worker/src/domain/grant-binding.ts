import { createHash } from 'node:crypto';
import type { AuthData } from '@bluefly/vast-protocol';

/** What a grant that verifies is good for: this worker, this endpoint, this once. The signature itself says little of it. */

export const urlChecks = ['off', 'warn', 'enforce'] as const;
export type UrlCheck = (typeof urlChecks)[number];

export type BindingProblem = 'other-url' | 'other-endpoint';

/** @param expected.url what this worker reports as its own; undefined (standalone) matches any */
export function bindingProblem(
  auth: AuthData,
  expected: { url: string | undefined; endpoint: string | undefined },
): BindingProblem | undefined {
  if (expected.url !== undefined && !isSameOrigin(auth.url, expected.url)) return 'other-url';
  if (expected.endpoint !== undefined && auth.endpoint !== expected.endpoint) return 'other-endpoint';
  return undefined;
}

/** Scheme, host and port, whatever the spelling. */
function isSameOrigin(left: string, right: string): boolean {
  if (left === right) return true;
  return URL.canParse(left) && URL.canParse(right) && new URL(left).origin === new URL(right).origin;
}

/**
 * Grants may be used again for `windowSeconds` after their first use, since clients retry; later only inside a session.
 * Remembers the newest grants, at most `maxRemembered`: what was forgotten counts as new.
 */
export class ReplayWindow {
  readonly #windowSeconds: number;
  readonly #maxRemembered: number;
  readonly #firstUse = new Map<string, number>();

  constructor(windowSeconds: number, maxRemembered = 100_000) {
    this.#windowSeconds = windowSeconds;
    this.#maxRemembered = maxRemembered;
  }

  /** @returns false when the grant was first used longer ago than the window */
  allows(auth: AuthData, nowSeconds: number): boolean {
    const key = createHash('sha256').update(`${auth.reqnum} ${auth.request_idx} ${auth.url} ${auth.signature}`).digest('base64');
    const first = this.#firstUse.get(key);
    if (first !== undefined) return nowSeconds - first <= this.#windowSeconds;
    this.#firstUse.set(key, nowSeconds);
    if (this.#firstUse.size > this.#maxRemembered) this.#firstUse.delete(this.#firstUse.keys().next().value as string);
    return true;
  }
}
