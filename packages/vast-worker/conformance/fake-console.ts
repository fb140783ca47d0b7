import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ConsoleRequest {
  /** `POST /api/v0/template/`, without the query. */
  call: string;
  body: Record<string, unknown>;
}

/** Vast's console as the official CLI sees it: says yes to everything, and keeps what it was sent. */
export async function startFakeConsole(): Promise<AsyncDisposable & { url: string; requests: ConsoleRequest[] }> {
  const requests: ConsoleRequest[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    request.on('end', () => {
      requests.push({
        call: `${request.method} ${request.url?.split('?')[0]}`,
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":true,"id":1,"result":1,"template":{},"offers":[]}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
