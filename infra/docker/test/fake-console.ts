import { execFile, execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Vast's console as far as workers ask it: signs certificates, for 127.0.0.1. */
export class FakeConsole {
  /** Requests for a certificate so far. */
  signed = 0;
  readonly #folder: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  /** @param folder for its keys; must be there */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns what clients have to trust, PEM */
  async listen(): Promise<string> {
    const [key, cert] = [this.#file('ca.key'), this.#file('ca.crt')];
    const options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=Test CA'];
    execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    await writeFile(this.#file('extensions'), 'subjectAltName=IP:127.0.0.1\n');
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return readFile(cert, 'utf8');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v0`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let csr = '';
    for await (const chunk of request) csr += String(chunk);
    this.signed += 1;
    const file = this.#file(`${this.signed}.csr`);
    await writeFile(file, csr);
    const ca = ['-CA', this.#file('ca.crt'), '-CAkey', this.#file('ca.key'), '-CAcreateserial', '-extfile', this.#file('extensions')];
    const { stdout } = await promisify(execFile)('openssl', ['x509', '-req', '-in', file, '-days', '1', ...ca]);
    response.end(stdout);
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}
