import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What both dialects do with HTTP. */

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  send(response, status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}

export function send(response: ServerResponse, status: number, body = '', headers: Record<string, string> = {}): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  response.end(body);
}

export class HttpServer {
  readonly #server: Server;
  /** Connections that never had a request: Node does not count them among the idle ones. */
  readonly #unused = new Set<Socket>();

  constructor(listener: RequestListener, keepAliveTimeoutMs: number) {
    this.#server = createServer(listener);
    this.#server.keepAliveTimeout = keepAliveTimeoutMs;
    this.#server.on('connection', (socket: Socket) => {
      this.#unused.add(socket);
      socket.once('close', () => this.#unused.delete(socket));
    });
    this.#server.on('request', ({ socket }) => this.#unused.delete(socket));
  }

  /** @returns the port, also when 0 was asked for. @throws the system's error */
  listen(port: number, hostname: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, hostname, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Stops accepting and resolves once every request had its answer; after `graceMs` the others are cut off. */
  async close(graceMs?: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#unused) socket.destroy();
    const closeIdle = setInterval(() => this.#server.closeIdleConnections(), 20); // also those that become idle only now
    const closeAll = graceMs === undefined ? undefined : setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(closeIdle);
    clearTimeout(closeAll);
  }
}
