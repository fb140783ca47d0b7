import type { KeyObject } from 'node:crypto';
import { type AuthData, parsePublicKey, paths, type SignatureForm, signedMessage, verifySignature } from '@bluefly/vast-protocol';
import type { Clock } from '../adapters/clock.ts';
import type { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import type { Logger } from '../adapters/logger.ts';
import { bindingProblem, ReplayWindow, type UrlCheck } from '../domain/grant-binding.ts';
import { WorkerError } from '../errors.ts';

/** Holds the control plane's public key and verifies grants with it. */

const refreshPeriodMs = 3_600_000;
/** A failed verification may ask for a fresh key once in this time: strangers may not make us hammer the control plane. */
const refreshOnFailureMs = 60_000;
const firstRetryMs = 1_000;
const maximumRetryMs = 30_000;
/** A grant is sent many times (sessions, retries, and the signed text is the same for all requests to one worker). */
const rememberedGrants = 4_096;

export interface GrantRules {
  /** What the router signs. */
  form: SignatureForm;
  urlCheck: UrlCheck;
  /** The worker's own address; undefined when it has none. */
  url: string | undefined;
  /** The only endpoint whose grants are good; undefined: any. */
  endpoint: string | undefined;
  /** Seconds a grant may be used again for; undefined: for ever. */
  replayWindow: number | undefined;
}

export class GrantVerifier {
  readonly #rules: GrantRules;
  readonly #replays: ReplayWindow | undefined;
  readonly #controlPlane: ControlPlaneClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Good signatures and what they cover, by how they begin: to hash the whole of one takes longer than to compare it. */
  readonly #remembered = new Map<string, { signature: string; covered: string }>();
  #key: KeyObject | undefined;
  #keyText = '';
  #lastAskedByFailure = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #firstKey = Promise.withResolvers<void>();
  #signal: AbortSignal | undefined;
  #hasWarned = false;

  constructor(options: { rules: GrantRules; controlPlane: ControlPlaneClient; clock: Clock; log: Logger }) {
    this.#rules = options.rules;
    this.#replays = options.rules.replayWindow === undefined ? undefined : new ReplayWindow(options.rules.replayWindow);
    this.#controlPlane = options.controlPlane;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** Fetches the key, with back-off, and again each hour. Runs until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      await this.#refresh(signal);
      const pauseMs = this.hasKey ? refreshPeriodMs : retryMs;
      retryMs = Math.min(retryMs * 2, maximumRetryMs);
      await this.#clock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  /** Resolves once there is a key. */
  async untilKey(signal: AbortSignal): Promise<void> {
    if (this.hasKey) return;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) throw signal.reason;
      await Promise.race([this.#firstKey.promise, promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Returns at once for grants seen before and for good ones; a bad one may first fetch the key anew, in case it changed.
   * @param rawAuth the bytes of `auth_data`: some forms cover the text of its numbers
   * @param inSession the grant is shown again, for the session it opened
   * @throws WorkerError SIGNATURE_INVALID, PUBLIC_KEY_MISSING, GRANT_FOR_OTHER, GRANT_REPLAYED
   */
  verify(auth: AuthData, rawAuth: Buffer | undefined, inSession: boolean): void | Promise<void> {
    if (this.#isGood(auth, rawAuth)) return this.#checkUse(auth, inSession);
    if (!this.#key) throw new WorkerError('PUBLIC_KEY_MISSING', 'not fetched yet', { retryAfterSeconds: 5 });
    if (!this.#refreshing) {
      if (this.#clock.now() - this.#lastAskedByFailure < refreshOnFailureMs) throw invalid(auth);
      this.#lastAskedByFailure = this.#clock.now();
    }
    return this.#verifyWithFreshKey(auth, rawAuth, inSession);
  }

  async #verifyWithFreshKey(auth: AuthData, rawAuth: Buffer | undefined, inSession: boolean): Promise<void> {
    const before = this.#keyText;
    await this.#refresh(this.#signal as AbortSignal);
    if (this.#keyText === before || !this.#isGood(auth, rawAuth)) throw invalid(auth);
    this.#checkUse(auth, inSession);
  }

  #isGood(auth: AuthData, rawAuth: Buffer | undefined): boolean {
    const covered = this.#rules.form === 'url' ? auth.url : signedMessage(this.#rules.form, auth, rawAuth);
    const beginning = auth.signature.slice(0, 32);
    const known = this.#remembered.get(beginning);
    if (known && known.signature === auth.signature && known.covered === covered) return true;
    if (!this.#key || !verifySignature({ key: this.#key, form: this.#rules.form, auth, ...(rawAuth ? { rawAuth } : {}) })) return false;
    if (this.#remembered.size >= rememberedGrants) this.#remembered.delete(this.#remembered.keys().next().value as string);
    this.#remembered.set(beginning, { signature: auth.signature, covered });
    return true;
  }

  /** The signature is good; is the grant good here and now? */
  #checkUse(auth: AuthData, inSession: boolean): void {
    const { urlCheck, url, endpoint } = this.#rules;
    const problem = bindingProblem(auth, { url: urlCheck === 'off' ? undefined : url, endpoint });
    if (problem === 'other-endpoint' || (problem === 'other-url' && urlCheck === 'enforce')) {
      throw new WorkerError('GRANT_FOR_OTHER', problem);
    }
    if (problem && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#log.warn({ problem }, 'a grant for another address was accepted (urlCheck: warn); said once');
    }
    if (this.#replays && !inSession && !this.#replays.allows(auth, this.#clock.now() / 1000)) {
      throw new WorkerError('GRANT_REPLAYED', `reqnum ${auth.reqnum}`);
    }
  }

  #refresh(signal: AbortSignal): Promise<void> {
    this.#refreshing ??= this.#fetchKey(signal).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #fetchKey(signal: AbortSignal): Promise<void> {
    const text = await this.#controlPlane.get(paths.publicKey, (body) => (parsePublicKey(body) ? body : undefined), signal);
    if (text === undefined || text === this.#keyText) return;
    const isFirst = !this.hasKey;
    this.#key = parsePublicKey(text);
    this.#keyText = text;
    this.#remembered.clear();
    this.#log.info({ isFirst }, 'public key fetched');
    this.#firstKey.resolve();
  }
}

const invalid = (auth: AuthData) => new WorkerError('SIGNATURE_INVALID', `reqnum ${auth.reqnum}`);
