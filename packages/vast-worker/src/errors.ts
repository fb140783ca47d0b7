/**
 * Every refusal and failure a caller can meet: the code fixes the HTTP status and the public words.
 * `message` is for our logs; `safeMessage` is what callers read, and it never contains anything they sent.
 */
export const errorCatalogue = {
  HTTP_MALFORMED: { status: 400, safeMessage: 'The HTTP request could not be parsed.' },
  DEADLINE_INVALID: { status: 400, safeMessage: 'The header x-request-timeout-ms takes whole milliseconds above 0.' },
  BODY_ENCODING_INVALID: { status: 400, safeMessage: 'The request body does not match its Content-Encoding.' },
  SESSION_NOT_FOUND: { status: 400, safeMessage: 'There is no such session.' },
  SIGNATURE_INVALID: { status: 401, safeMessage: 'The request signature does not verify.' },
  GRANT_FOR_OTHER: { status: 401, safeMessage: 'The grant is for another worker or endpoint.' },
  GRANT_REPLAYED: { status: 401, safeMessage: 'The grant was used before; route the request again.' },
  SESSION_AUTH_INVALID: { status: 401, safeMessage: 'session_auth is not what this session was created with.' },
  CALLER_UNKNOWN: { status: 401, safeMessage: 'Credentials are missing, or not good here.' },
  UNAUTHORIZED: { status: 401, safeMessage: 'A valid bearer token is needed here.' },
  ROUTE_UNKNOWN: { status: 404, safeMessage: 'No handler serves this path.' },
  METHOD_NOT_ALLOWED: { status: 405, safeMessage: 'This path does not answer this method.' },
  REQUEST_TIMEOUT: { status: 408, safeMessage: 'The request did not arrive in time.' },
  SESSION_UNKNOWN: { status: 410, safeMessage: 'The session does not exist or has ended.' },
  BODY_TOO_LARGE: { status: 413, safeMessage: 'The request body, once decoded, is over the limit.' },
  BODY_ENCODING_UNSUPPORTED: { status: 415, safeMessage: 'Send the body as identity, gzip or deflate.' },
  ENVELOPE_INVALID: { status: 422, safeMessage: 'The request body is not a valid envelope.' },
  PAYLOAD_INVALID: { status: 422, safeMessage: 'The payload is not what this route accepts.' },
  QUEUE_TOO_LONG: { status: 429, safeMessage: 'The worker is busy; route the request again.' },
  QUEUE_FULL: { status: 429, safeMessage: 'As many requests as may wait are waiting; route the request again.' },
  DEADLINE_UNREACHABLE: { status: 429, safeMessage: 'The request cannot have its turn before its deadline; route it again.' },
  SHARE_EXCEEDED: { status: 429, safeMessage: 'The worker is busy, and you have your share of it; try again later.' },
  QUEUE_TIMEOUT: { status: 429, safeMessage: 'The request waited too long for its turn; route it again.' },
  QUOTA_EXCEEDED: { status: 429, safeMessage: 'Your quota is used up; try again later.' },
  TOO_MANY_FAILURES: { status: 429, safeMessage: 'Too many requests come here without good credentials; try again later.' },
  SESSION_LIMIT: { status: 429, safeMessage: 'This worker has as many sessions as it may have.' },
  HEADERS_TOO_LARGE: { status: 431, safeMessage: 'The request headers are over the limit.' },
  REQUEST_ABORTED: { status: 499, safeMessage: 'The client left before the answer.' },
  HANDLER_FAILED: { status: 500, safeMessage: 'The handler of this route failed.' },
  INTERNAL: { status: 500, safeMessage: 'The worker failed. This is a bug.' },
  MODEL_SERVER_UNREACHABLE: { status: 502, safeMessage: 'The model server did not answer.' },
  WORKER_NOT_READY: { status: 503, safeMessage: 'The worker is not ready; see /health.' },
  WORKER_DRAINING: { status: 503, safeMessage: 'The worker is shutting down; route the request again.' },
  PUBLIC_KEY_MISSING: { status: 503, safeMessage: 'The worker has no public key to verify signatures with yet.' },
  MODEL_SERVER_TIMEOUT: { status: 504, safeMessage: 'The model server took too long to answer.' },
} as const satisfies Record<string, { status: number; safeMessage: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** One thing wrong with what was sent: where, and what was expected. Never holds the value that was sent. */
export interface ErrorDetail {
  path: string;
  message: string;
}

export interface WorkerErrorOptions extends ErrorOptions {
  details?: readonly ErrorDetail[];
  /** Told as `Retry-After`. Whole seconds, at least 1. */
  retryAfterSeconds?: number;
}

export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  readonly code: ErrorCode;
  readonly details: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail: string, options?: WorkerErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
    this.details = options?.details ?? [];
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }

  get safeMessage(): string {
    return errorCatalogue[this.code].safeMessage;
  }
}

/** One thing wrong with the configuration. `where` is a variable or an option: `environment variable WORKER_PORT`. */
export interface ConfigProblem {
  where: string;
  expected: string;
  found: string;
}

/** All configuration problems at once. Printed without a stack: the mistake is in the settings, not in this code. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly #problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ where, expected, found }) => `  - ${where}: expected ${expected}, found ${found}`);
    super(`The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`);
    this.#problems = problems;
    this.stack = `${this.name}: ${this.message}`;
  }

  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }
}
