import { Pool } from 'undici';
import { AbortScope } from './abort-scope.ts';
import type { Logger } from './logger.ts';

/** Posts to the control plane's addresses, the one that worked last first. Secrets travel in bodies and stay out of logs. */
export class ControlPlaneClient {
  readonly #addresses: readonly Address[];
  readonly #timeoutMs: number;
  readonly #log: Logger;
  #preferred = 0;

  constructor(options: { addresses: readonly string[]; timeoutMs?: number; log: Logger }) {
    this.#addresses = options.addresses.map(openAddress);
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#log = options.log;
  }

  /** Tries each address once. @returns true when one of them accepted (any status below 400). */
  post(path: string, body: unknown, signal: AbortSignal): Promise<boolean> {
    return this.#postBytes(path, Buffer.from(JSON.stringify(body)), signal); // nothing holds the body while the answer is waited for
  }

  async #postBytes(path: string, bytes: Buffer, signal: AbortSignal): Promise<boolean> {
    const accepted = await this.#tryAddresses(async (address) => {
      await this.#exchange(address, path, 'POST', signal, bytes);
      return true;
    }, signal);
    return accepted ?? false;
  }

  /** @returns the first answer that `accept` makes something of. */
  async get<Value>(path: string, accept: (body: string) => Value | undefined, signal: AbortSignal): Promise<Value | undefined> {
    return this.#tryAddresses(async (address) => accept(await this.#exchange(address, path, 'GET', signal)), signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.#addresses.map(({ pool }) => pool.destroy()));
  }

  async #tryAddresses<Value>(attempt: (address: Address) => Promise<Value | undefined>, signal: AbortSignal): Promise<Value | undefined> {
    const count = this.#addresses.length;
    const start = this.#preferred;
    for (let offset = 0; offset < count && !signal.aborted; offset += 1) {
      const index = (start + offset) % count;
      const address = this.#addresses[index] as Address;
      try {
        const value = await attempt(address);
        if (value !== undefined) {
          this.#preferred = index;
          return value;
        }
        this.#log.warn({ address: address.text }, 'control plane answered something unusable');
      } catch (error) {
        if (!signal.aborted) this.#log.warn({ address: address.text, reason: reasonOf(error) }, 'control plane did not accept');
      }
    }
    return undefined;
  }

  async #exchange({ pool, basePath }: Address, path: string, method: 'GET' | 'POST', signal: AbortSignal, body?: Buffer): Promise<string> {
    using limit = new AbortScope(signal, this.#timeoutMs);
    const answer = await pool.request({
      path: basePath + path,
      method,
      signal: limit.signal,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 400) throw new Error(`status ${answer.statusCode}`);
    return text;
  }
}

interface Address {
  /** As it was given, for logs. */
  text: string;
  basePath: string;
  pool: Pool;
}

/** Connections outlive the longest pause between two reports. A pool for each address, since an agent makes a new one for each connection. */
function openAddress(text: string): Address {
  const { origin, pathname } = new URL(text);
  const pool = new Pool(origin, { allowH2: false, connections: 4, keepAliveTimeout: 15_000, connectTimeout: 3_000 });
  return { text, basePath: pathname.replace(/\/$/, ''), pool };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'TimeoutError') return 'no answer in time';
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
