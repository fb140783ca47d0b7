import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { ConfigError, type ErrorCode, WorkerError } from '../errors.ts';
import type { CertificatePair } from './certificate.ts';
import { Exchange } from './exchange.ts';
import { errorBody } from './reply.ts';
import { createRequestIds } from './request-id.ts';
import { removeStaleSocket } from './stale-socket.ts';

/** The two ways in. */

export interface HttpServerOptions {
  port: number;
  host: string | undefined;
  /** A Unix socket instead of a port. */
  socketPath?: string | undefined;
  /** The variable that changes the port, for the message when it is taken. */
  portVariable: 'WORKER_PORT' | 'WORKER_HTTP_PORT' | 'API_KEYS_PORT' | 'CF_ACCESS_PORT' | 'TAILSCALE_SOCKET';
  /** HTTPS instead of HTTP. Takes effect at `listen`. */
  certificate: ((signal: AbortSignal) => Promise<CertificatePair>) | undefined;
  /** Named in every answer, with the request's id; undefined: answers name neither. */
  workerId: string | undefined;
  /** POSTs on these paths go straight to the request story. */
  routes: ReadonlyMap<string, (exchange: Exchange) => void>;
  /** Health, metrics, sessions, management, unknown paths, wrong methods: the express app. */
  everythingElse: RequestListener;
}

export interface HttpLimits {
  maxHeaderBytes: number;
  /** For the headers of a request. */
  headersTimeoutMs: number;
  /** For a whole request, its body included. */
  requestTimeoutMs: number;
  /** For the next request on a connection. */
  keepAliveTimeoutMs: number;
  maxConnections: number;
  /** How often the time-outs are looked after. */
  checkEveryMs: number;
}

export const httpLimits: HttpLimits = {
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 120_000,
  keepAliveTimeoutMs: 75_000,
  maxConnections: 16_384,
  checkEveryMs: 5_000,
};

export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #limits: HttpLimits;
  readonly #requestIdOf = createRequestIds();
  #server: Server | undefined;
  #tlsServer: TlsServer | undefined;

  constructor(options: HttpServerOptions, limits: HttpLimits = httpLimits) {
    this.#options = options;
    this.#limits = limits;
  }

  /**
   * @returns the port, also when 0 was asked for; 0 for a Unix socket
   * @throws ConfigError when the port cannot be had; what getting the certificate met
   */
  async listen(signal: AbortSignal): Promise<number> {
    const { port, host, socketPath, certificate } = this.#options;
    const pair = await certificate?.(signal);
    if (socketPath !== undefined) await removeStaleSocket(socketPath);
    const server = this.#createServer(pair);
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(listenProblem(error, this.#options)));
      server.listen(socketPath === undefined ? { port, ...(host ? { host } : {}) } : { path: socketPath }, () => {
        server.removeAllListeners('error');
        if (socketPath !== undefined) chmodSync(socketPath, 0o600);
        resolve(socketPath === undefined ? (server.address() as AddressInfo).port : 0);
      });
    });
  }

  /** New connections get the new certificate; open ones go on with the old. */
  useCertificate(pair: CertificatePair): void {
    this.#tlsServer?.setSecureContext(pair);
  }

  #createServer(pair: CertificatePair | undefined): Server {
    const settings = {
      maxHeaderSize: this.#limits.maxHeaderBytes,
      headersTimeout: this.#limits.headersTimeoutMs,
      requestTimeout: this.#limits.requestTimeoutMs,
      keepAliveTimeout: this.#limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: this.#limits.checkEveryMs,
    };
    const { workerId, everythingElse } = this.#options;
    const listener: RequestListener = (request, response) => {
      const direct = request.method === 'POST' ? this.#options.routes.get(pathOf(request)) : undefined;
      const requestId = this.#requestIdOf(request);
      const answerHeaders = workerId === undefined ? {} : { 'x-request-id': requestId, 'x-worker-id': workerId };
      if (direct) return direct(new Exchange(request, response, requestId, answerHeaders));
      for (const [name, value] of Object.entries(answerHeaders)) response.setHeader(name, value);
      everythingElse(request, response);
    };
    this.#tlsServer = pair && createTlsServer({ ...settings, ...pair, handshakeTimeout: this.#limits.headersTimeoutMs }, listener);
    const server = this.#tlsServer ?? createServer(settings, listener);
    server.maxConnections = this.#limits.maxConnections;
    server.on('clientError', answerMalformed);
    this.#server = server;
    return server;
  }

  /** Takes no more connections; open ones end after their answer, or after `graceMs`. */
  async close(graceMs = 1_000): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const closeIdle = setInterval(() => server.closeIdleConnections(), 20);
    const closeAll = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearInterval(closeIdle);
    clearTimeout(closeAll);
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url as string;
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

const listenWords: Record<string, string> = {
  EADDRINUSE: 'is taken',
  EACCES: 'needs more rights',
  EADDRNOTAVAIL: 'is not of this machine',
};

function listenProblem(error: NodeJS.ErrnoException, { host, port, socketPath, portVariable }: HttpServerOptions): ConfigError {
  if (socketPath !== undefined) {
    const reason = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be made (${error.code})`;
    return new ConfigError([
      { where: `environment variable ${portVariable}`, expected: 'a path for a socket', found: `${socketPath}, which ${reason}` },
    ]);
  }
  const where =
    error.code === 'EADDRNOTAVAIL'
      ? `environment variable ${portVariable.replace('PORT', 'HOST')}`
      : `environment variable ${portVariable}`;
  const found = `${host ?? '*'}:${port}, which ${listenWords[error.code ?? ''] ?? `cannot be listened on (${error.code})`}`;
  return new ConfigError([{ where, expected: 'an address and port that are free', found }]);
}

/** What Node's parser refuses never becomes a request; it gets a JSON answer all the same. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal = new WorkerError(codeOf(error), error.code ?? 'malformed');
  const body = JSON.stringify(errorBody(refusal));
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nconnection: close\r\n` +
      `content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function codeOf(error: NodeJS.ErrnoException): ErrorCode {
  if (error.code === 'HPE_HEADER_OVERFLOW') return 'HEADERS_TOO_LARGE';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'REQUEST_TIMEOUT';
  return 'HTTP_MALFORMED';
}
