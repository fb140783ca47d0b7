import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What both dialects do with HTTP. */

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  send(response, status, JSON.stringify(body), { 'content-type': 'application/json', ...headers });
}

export function send(response: ServerResponse, status: number, body = '', headers: Record<string, string> = {}): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
  response.end(body);
}

/** @returns the port, also when 0 was asked for. @throws the system's error */
export function listen(server: Server, port: number, hostname: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, hostname, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Stops accepting and resolves once every connection had its answer. */
export async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const closeIdle = setInterval(() => server.closeIdleConnections(), 20); // also those that become idle only now
  await closed;
  clearInterval(closeIdle);
}
