import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { routeRequestSchema } from '@bluefly/vast-protocol';

/** As much of Vast's router and console as the official client needs: one endpoint, whose grants are for one worker. */
export class Router implements AsyncDisposable {
  readonly costs: number[] = [];
  readonly #grant: (fields: { cost: number }) => Record<string, unknown>;
  readonly #rootCertificate: string;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  /** @param options.grant signs for the worker */
  constructor(options: { grant: (fields: { cost: number }) => Record<string, unknown>; rootCertificate: string }) {
    this.#grant = options.grant;
    this.#rootCertificate = options.rootCertificate;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const path = (request.url ?? '').split('?')[0];
    if (path === '/static/jvastai_root.cer') return void response.end(this.#rootCertificate);
    if (path === '/api/v0/endptjobs/') return void response.end(JSON.stringify({ success: true, results: [endpoint] }));
    const { cost } = routeRequestSchema.parse(JSON.parse(body));
    this.costs.push(cost);
    response.end(JSON.stringify(this.#grant({ cost })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const endpoint = {
  id: 1,
  endpoint_name: 'test',
  api_key: 'endpoint-key',
  user_id: 1,
  created_at: 0,
  auto_delete_in_seconds: null,
  auto_delete_due_24h: false,
};
