import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { FakeServer } from './fake-server.ts';

interface TeamKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

/** A small Cloudflare Access: signs tokens, shows its keys, changes them, disappears and comes back. */
export class FakeAccessTeam {
  readonly audience = '32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228';
  /** Looks at the keys. */
  looks = 0;
  readonly #server: FakeServer;
  #keys: TeamKey[] = [];
  #made = 0;

  constructor() {
    this.rotate();
    this.#server = new FakeServer((request, response) => {
      this.looks += 1;
      const isCerts = request.url === '/cdn-cgi/access/certs';
      response.writeHead(isCerts ? 200 : 404, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          keys: this.#keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' })),
        }),
      );
    });
  }

  get url(): string {
    return this.#server.url;
  }

  get publicKeyPem(): string {
    const [{ publicKey }] = this.#keys as [TeamKey];
    return publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  listen(): Promise<void> {
    return this.#server.listen();
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** Signs with another key from now on; the one before is shown too, until `forgetOldKeys`. */
  rotate(): void {
    this.#made += 1;
    this.#keys = [{ kid: `key-${this.#made}`, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }, ...this.#keys];
  }

  forgetOldKeys(): void {
    this.#keys = this.#keys.slice(0, 1);
  }

  /** A token as Cloudflare makes it for a person, good for a minute from `nowMs` on; undefined leaves a claim out. */
  sign(
    nowMs: number,
    claims: Record<string, unknown> = {},
    header: { alg?: string; kid?: string } = {},
    key?: KeyObject | Uint8Array,
  ): Promise<string> {
    const now = Math.floor(nowMs / 1000);
    const [{ kid, privateKey }] = this.#keys as [TeamKey];
    const payload = {
      aud: [this.audience],
      iss: this.url,
      sub: '7335d417-61da',
      type: 'app',
      iat: now,
      nbf: now,
      exp: now + 60,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid, ...header }).sign(key ?? privateKey);
  }
}
