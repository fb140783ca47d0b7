import type { IncomingMessage } from 'node:http';
import * as errors from 'jose/errors';
import { createRemoteJWKSet } from 'jose/jwks/remote';
import { type JWTVerifyGetKey, jwtVerify } from 'jose/jwt/verify';
import { Account, type Caller } from '../domain/account.ts';
import { WorkerError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { TrustSource } from './trust-source.ts';

/**
 * Cloudflare Access signs who a request is from: a JWT in `Cf-Access-Jwt-Assertion`, RS256, with keys that change every six
 * weeks and overlap by days. Source: Cloudflare's documentation of application tokens.
 */

export interface AccessOptions {
  /** `https://acme.cloudflareaccess.com`, without trailing slash: the issuer, and where its keys are. */
  team: string;
  /** Application audience (AUD) tags; a token for any of them is good. */
  audiences: readonly string[];
  clock: Clock;
  log: Logger;
  /** Tests turn it down: between two looks for a key that nobody knows. */
  cooldownMs?: number;
}

const header = 'cf-access-jwt-assertion';
const fetchTimeoutMs = 5_000;
/** Strangers may not make us hammer Cloudflare with made-up key ids. */
const defaultCooldownMs = 30_000;
const refreshAfterMs = 3_600_000;
/** While Cloudflare's keys cannot be had, those we know are good for so long. */
const trustKeysForMs = 86_400_000;
const clockToleranceSeconds = 10;
const warnEveryMs = 60_000;

export class CloudflareAccess implements TrustSource {
  readonly name = 'cloudflare-access';
  readonly account = new Account('cloudflare-access');
  readonly #options: AccessOptions;
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #cooldownMs: number;
  #refreshAt: number;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#cooldownMs = options.cooldownMs ?? defaultCooldownMs;
    this.#refreshAt = options.clock.now() + refreshAfterMs;
    this.#keys = createRemoteJWKSet(new URL(`${options.team}/cdn-cgi/access/certs`), {
      timeoutDuration: fetchTimeoutMs,
      cooldownDuration: this.#cooldownMs,
      cacheMaxAge: trustKeysForMs,
    });
  }

  async identify({ headers }: IncomingMessage): Promise<Caller> {
    const token = headers[header];
    if (typeof token !== 'string') throw new WorkerError('CALLER_UNKNOWN', `no ${header}`);
    const { team, audiences, clock } = this.#options;
    try {
      const { payload } = await jwtVerify(token, this.#keyOf, {
        algorithms: ['RS256'],
        issuer: team,
        audience: [...audiences],
        requiredClaims: ['exp'],
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(clock.now()),
      });
      const subject = payload.sub || payload.common_name; // of a person; of a service token
      if (typeof subject !== 'string' || subject === '') throw new WorkerError('CALLER_UNKNOWN', 'a token without a subject');
      return { id: `access:${subject}`, account: this.account };
    } catch (error) {
      throw this.#translate(error);
    }
  }

  readonly #keyOf: JWTVerifyGetKey = (protectedHeader, token) => {
    this.#refreshInBackground();
    return this.#keys(protectedHeader, token);
  };

  /** Each hour; nobody waits for it, and while it fails the known keys go on. */
  #refreshInBackground(): void {
    const now = this.#options.clock.now();
    if (now < this.#refreshAt) return;
    this.#refreshAt = now + this.#cooldownMs;
    this.#keys.reload().then(
      () => {
        this.#refreshAt = now + refreshAfterMs;
      },
      (error: unknown) => this.#warn(error),
    );
  }

  #translate(error: unknown): WorkerError {
    if (error instanceof WorkerError) return error;
    const code = error instanceof errors.JOSEError ? error.code : '';
    if (faultsOfTheToken.has(code)) return new WorkerError('CALLER_UNKNOWN', code, { cause: error });
    this.#warn(error);
    return new WorkerError('PUBLIC_KEY_MISSING', "Cloudflare's keys cannot be had", { cause: error, retryAfterSeconds: 5 });
  }

  #warn(error: unknown): void {
    const now = this.#options.clock.now();
    if (now - this.#warnedAt < warnEveryMs) return;
    this.#warnedAt = now;
    this.#options.log.warn({ errorName: error instanceof Error ? error.name : typeof error }, "Cloudflare's Access keys cannot be had");
  }
}

const faultsOfTheToken = new Set<string>(
  [
    errors.JWTClaimValidationFailed,
    errors.JWTExpired,
    errors.JWTInvalid,
    errors.JWSInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
  ].map(({ code }) => code),
);
