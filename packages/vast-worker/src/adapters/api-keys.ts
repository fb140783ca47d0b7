import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { Account, type Caller, type Quota, quotaPeriods } from '../domain/account.ts';
import { WorkerError } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { TrustSource } from './trust-source.ts';

/**
 * Bearer API keys. Known here by their SHA-256 alone: a key is 256 random bits, so there is nothing to guess that salt or
 * a slow hash would protect, and the list of hashes lets nobody in.
 */

export interface ApiKey {
  /** For metrics, logs and admission. */
  id: string;
  /** `sha256:` and 64 hexadecimal digits; more than one while a key is being replaced. */
  hashes: readonly string[];
  quotas: readonly Quota[];
}

/** A file with keys, as it was read. */
export interface ApiKeysFile {
  path: string;
  text: string;
}

const maxKeys = 1_000;
/** Longer ones are not hashed. */
export const maxKeyLength = 256;
const lookEveryMs = 5_000;

const apiKeySchema = z.strictObject({
  id: z.string().regex(/^[\w.-]{1,64}$/, { error: 'expected 1 to 64 letters, digits, dots, dashes or underscores' }),
  hashes: z
    .array(
      z.string().regex(/^sha256:[0-9a-f]{64}$/, { error: 'expected sha256: and 64 hexadecimal digits, as vast-worker hash-key writes' }),
    )
    .min(1)
    .max(4),
  quotas: z
    .array(
      z.strictObject({
        of: z.enum(['requests', 'workload']),
        limit: z.number().positive(),
        per: z.enum(Object.keys(quotaPeriods) as (keyof typeof quotaPeriods)[]),
      }),
    )
    .max(8)
    .default([]),
});

const apiKeysSchema = z
  .array(apiKeySchema)
  .max(maxKeys)
  .refine((keys) => isDistinct(keys.map(({ id }) => id)), { error: 'expected each id once' })
  .refine((keys) => isDistinct(keys.flatMap(({ hashes }) => hashes)), { error: 'expected each hash once' });

const isDistinct = (texts: readonly string[]) => new Set(texts).size === texts.length;

export type ApiKeysResult = { ok: true; keys: readonly ApiKey[] } | { ok: false; problem: string };

/** @returns a problem that names places and never holds what is there: somebody may have written a key instead of its hash */
export function parseApiKeys(text: string): ApiKeysResult {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'no JSON' };
  }
  const parsed = apiKeysSchema.safeParse(json);
  if (parsed.success) return { ok: true, keys: parsed.data };
  return { ok: false, problem: parsed.error.issues.map(problemOf).join('; ') };
}

function problemOf({ path, message, code }: z.core.$ZodIssue): string {
  const where = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('') || 'the list';
  const what = code === 'unrecognized_keys' ? 'has a member that nobody knows' : message.replace(/^Invalid \w+: /, '');
  return `${where} ${what}`;
}

export const hashOfKey = (key: string): string => `sha256:${sha256(key).toString('hex')}`;

/** @returns a key that nobody can guess: 256 random bits */
export const makeKey = (): string => `vwk_${randomBytes(32).toString('base64url')}`;

export class ApiKeys implements TrustSource {
  readonly name = 'api-keys';
  #known: readonly { digest: Buffer; caller: Caller }[] = [];
  #accounts = new Map<string, Account>();

  constructor(keys: readonly ApiKey[]) {
    this.use(keys);
  }

  get accounts(): Iterable<Account> {
    return this.#accounts.values();
  }

  /** These keys from now on, and no others. A key that stays keeps what it has used. */
  use(keys: readonly ApiKey[]): void {
    const callers = keys.map(({ id, hashes, quotas }) => {
      const account = this.#accounts.get(id) ?? new Account(`key:${id}`, quotas);
      account.setQuotas(quotas);
      return { id, hashes, caller: { id: account.name, account } };
    });
    this.#accounts = new Map(callers.map(({ id, caller }) => [id, caller.account]));
    this.#known = callers.flatMap(({ hashes, caller }) =>
      hashes.map((hash) => ({ digest: Buffer.from(hash.slice('sha256:'.length), 'hex'), caller })),
    );
  }

  /** Looks at every key, found or not, so that the time tells nothing. */
  identify({ headers }: IncomingMessage): Caller {
    const key = bearerToken(headers.authorization);
    if (key === undefined || key.length > maxKeyLength) throw new WorkerError('CALLER_UNKNOWN', 'no bearer key');
    const shown = sha256(key);
    let found: Caller | undefined;
    for (const { digest, caller } of this.#known) if (timingSafeEqual(digest, shown)) found = caller;
    if (!found) throw new WorkerError('CALLER_UNKNOWN', 'no such key');
    return found;
  }

  /**
   * Follows changes of the file until the signal aborts: a key that is taken out opens nothing within seconds.
   * @param text of the file as it is known
   */
  async watch({ path, text }: ApiKeysFile, clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
    let before = text;
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      const now = await readFile(path, { encoding: 'utf8', signal }).catch(() => '');
      if (signal.aborted || now === before) continue;
      before = now;
      const read = parseApiKeys(now);
      if (read.ok) this.use(read.keys);
      if (read.ok) log.info({ keys: read.keys.length }, 'API keys read again');
      else log.error({ problem: read.problem }, 'the file of API_KEYS cannot be used; the keys of before stay');
    }
  }
}

/** @returns the token of an `Authorization: Bearer` header, if it is one */
const bearerToken = (authorization: string | undefined) =>
  authorization === undefined ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
