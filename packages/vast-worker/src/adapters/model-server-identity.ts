import { Client } from 'undici';

/**
 * Which model server answers just now, for who keeps its answers. A restarted one may serve another model under the same
 * name, so a name is not enough: one connection is kept open, and whoever answers on it has been there all the time.
 */

export interface ModelServerInstance {
  /** Grows whenever the process behind the port may be another one, or what it says of itself has changed. */
  number: number;
  /** What it answered to GET /info. */
  info: Readonly<Record<string, unknown>>;
}

/** /info does not wait behind a batch. */
const lookTimeoutMs = 5_000;

/** As long as the model server keeps it. */
const keepAliveMs = 24 * 60 * 60 * 1000;

export class ModelServerIdentity {
  readonly #client: Client;
  readonly #headers: Record<string, string>;
  #connections = 0;
  #seen = '';
  #number = 0;
  #current: Promise<ModelServerInstance | undefined> | undefined;
  #next: Promise<ModelServerInstance | undefined> | undefined;

  constructor(origin: string, headers: Record<string, string>) {
    this.#headers = headers;
    this.#client = new Client(origin, {
      allowH2: false,
      pipelining: 1,
      connectTimeout: lookTimeoutMs,
      headersTimeout: lookTimeoutMs,
      bodyTimeout: lookTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: keepAliveMs,
    });
    this.#client.on('connect', () => {
      this.#connections += 1;
    });
  }

  /**
   * Looks, never sooner than it is asked: who comes while a look is under way shares the next one.
   * @returns undefined when the model server does not say what it serves, or does not answer
   */
  look(): Promise<ModelServerInstance | undefined> {
    if (this.#next) return this.#next;
    if (!this.#current) return this.#begin();
    this.#next = this.#current.then(() => this.#begin());
    return this.#next;
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }

  /** One at a time: no connection is made between an answer and the count of connections that goes with it. */
  #begin(): Promise<ModelServerInstance | undefined> {
    this.#next = undefined;
    const look = this.#ask().finally(() => {
      this.#current = undefined;
    });
    this.#current = look;
    return look;
  }

  async #ask(): Promise<ModelServerInstance | undefined> {
    try {
      const answer = await this.#client.request({ path: '/info', method: 'GET', headers: this.#headers });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) return undefined;
      const info: unknown = JSON.parse(text);
      if (typeof info !== 'object' || info === null) return undefined;
      const seen = `${this.#connections} ${text}`;
      if (seen !== this.#seen) this.#number += 1;
      this.#seen = seen;
      return { number: this.#number, info: info as Record<string, unknown> };
    } catch {
      return undefined; // the request itself will meet what is wrong, and tell it
    }
  }
}
