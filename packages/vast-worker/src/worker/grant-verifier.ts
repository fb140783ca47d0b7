import type { KeyObject } from 'node:crypto';
import { type AuthData, parsePublicKey, paths, verifySignature } from '@bluefly/vast-protocol';
import type { Clock } from '../adapters/clock.ts';
import type { ControlPlaneClient } from '../adapters/control-plane-client.ts';
import type { Logger } from '../adapters/logger.ts';
import { WorkerError } from '../errors.ts';

/** Holds the control plane's public key and verifies grants with it. */

const refreshPeriodMs = 3_600_000;
/** A failed verification may ask for a fresh key once in this time: strangers may not make us hammer the control plane. */
const refreshOnFailureMs = 60_000;
const firstRetryMs = 1_000;
const maximumRetryMs = 30_000;
/** A grant is sent many times (sessions, retries, and the signed text is the same for all requests to one worker). */
const rememberedGrants = 4_096;

export class GrantVerifier {
  readonly #controlPlane: ControlPlaneClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #remembered = new Set<string>();
  #key: KeyObject | undefined;
  #keyText = '';
  #lastFetchAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;
  #firstKey = Promise.withResolvers<void>();
  #signal: AbortSignal | undefined;

  constructor(options: { controlPlane: ControlPlaneClient; clock: Clock; log: Logger }) {
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
   * @throws WorkerError SIGNATURE_INVALID, PUBLIC_KEY_MISSING
   */
  verify(auth: AuthData): void | Promise<void> {
    if (this.#remembered.has(grantKey(auth))) return;
    if (!this.#key) throw new WorkerError('PUBLIC_KEY_MISSING', 'not fetched yet');
    if (this.#verifies(auth)) return;
    if (this.#clock.now() - this.#lastFetchAt < refreshOnFailureMs) throw invalid(auth);
    return this.#verifyWithFreshKey(auth);
  }

  async #verifyWithFreshKey(auth: AuthData): Promise<void> {
    const before = this.#keyText;
    await this.#refresh(this.#signal as AbortSignal);
    if (this.#keyText === before || !this.#verifies(auth)) throw invalid(auth);
  }

  #verifies(auth: AuthData): boolean {
    if (!this.#key || !verifySignature({ key: this.#key, form: 'url', auth })) return false;
    if (this.#remembered.size >= rememberedGrants) this.#remembered.delete(this.#remembered.values().next().value as string);
    this.#remembered.add(grantKey(auth));
    return true;
  }

  #refresh(signal: AbortSignal): Promise<void> {
    this.#refreshing ??= this.#fetchKey(signal).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #fetchKey(signal: AbortSignal): Promise<void> {
    const text = await this.#controlPlane.get(paths.publicKey, (body) => (parsePublicKey(body) ? body : undefined), signal);
    this.#lastFetchAt = this.#clock.now();
    if (text === undefined || text === this.#keyText) return;
    const isFirst = !this.hasKey;
    this.#key = parsePublicKey(text);
    this.#keyText = text;
    this.#remembered.clear();
    this.#log.info({ isFirst }, 'public key fetched');
    this.#firstKey.resolve();
  }
}

/** What the signature covers, and the signature. */
const grantKey = (auth: AuthData) => `${auth.signature} ${auth.url}`;

const invalid = (auth: AuthData) => new WorkerError('SIGNATURE_INVALID', `reqnum ${auth.reqnum}`);
