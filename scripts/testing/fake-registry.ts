import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An npm registry that has nothing and takes everything. */
export class FakeRegistry implements AsyncDisposable {
  /** Names, in the order in which they came. */
  readonly published: string[] = [];
  readonly #server = createServer((request, response) => {
    if (request.method === 'PUT') this.published.push(decodeURIComponent(request.url ?? '').slice(1));
    request.resume();
    request.once('end', () => response.writeHead(request.method === 'PUT' ? 200 : 404, { 'content-type': 'application/json' }).end('{}'));
  });

  /** @returns its address, ending in a slash */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
