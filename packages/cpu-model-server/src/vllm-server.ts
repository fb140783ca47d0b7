import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { HttpServer, send, sendJson } from './http.ts';
import { BodyTooLarge, readBody } from './read-body.ts';
import type { Trouble } from './trouble.ts';
import { chatJob, completionJob, detokenizeAnswer, type Incoming, modelsAnswer, tokenizeAnswer, type VllmDeps } from './vllm-api.ts';
import { asVllmError, EngineDeadError, VllmError, vllmErrorBody } from './vllm-errors.ts';
import { answerStream, answerWhole, type Job } from './vllm-generate.ts';
import type { VllmLog } from './vllm-log.ts';
import { schemaError } from './vllm-requests.ts';

/** HTTP in front of the routes, as FastAPI and uvicorn do it. */

interface Context {
  request: IncomingMessage;
  response: ServerResponse;
  deps: VllmDeps;
  trouble: Trouble;
  /** Aborts when the client leaves, or has its answer. */
  signal: AbortSignal;
  /** Called when a stream begins: it is logged as served then, whatever becomes of it. Other answers are logged when sent. */
  logAccess: () => void;
}

type Handler = (context: Context) => Promise<'streamed' | void> | void;

/** In the order in which the log of the start lists them. */
export const vllmRoutes: Readonly<Record<string, Partial<Record<string, Handler>>>> = {
  '/version': { GET: ({ response, deps }) => sendJson(response, 200, { version: deps.version }) },
  '/health': { GET: health },
  '/metrics': { GET: metrics },
  '/tokenize': { POST: async (context) => sendJson(context.response, 200, tokenizeAnswer(await readJson(context), context.deps)) },
  '/detokenize': { POST: async (context) => sendJson(context.response, 200, detokenizeAnswer(await readJson(context), context.deps)) },
  '/v1/models': { GET: ({ response, deps }) => sendJson(response, 200, modelsAnswer(deps, startedAt)) },
  '/ping': { POST: health, GET: health },
  '/v1/chat/completions': { POST: (context) => generate(context, chatJob) },
  '/v1/completions': { POST: (context) => generate(context, completionJob) },
};

const startedAt = Math.floor(Date.now() / 1000);

export function createVllmServer(deps: VllmDeps, trouble: Trouble): HttpServer {
  return new HttpServer((request, response) => {
    const left = new AbortController();
    response.once('close', () => left.abort());
    void serve({ request, response, deps, trouble, signal: left.signal });
  }, keepAliveTimeoutMs);
}

const keepAliveTimeoutMs = 5_000; // VLLM_HTTP_TIMEOUT_KEEP_ALIVE

async function serve(context: Omit<Context, 'logAccess'>): Promise<void> {
  const { request, response, deps, signal } = context;
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const handlers = Object.hasOwn(vllmRoutes, path) ? (vllmRoutes[path] as Record<string, Handler>) : {};
  const handler = handlers[request.method ?? ''];
  const logAccess = () => deps.log.access(accessText(request, path, response.statusCode));
  try {
    if (!isAllowed(request, path, deps.options.apiKey)) sendJson(response, 401, { error: 'Unauthorized' });
    else if (Object.keys(handlers).length === 0) sendJson(response, 404, { detail: 'Not Found' });
    else if (!handler) sendJson(response, 405, { detail: 'Method Not Allowed' }, { allow: Object.keys(handlers).join(', ') });
    else if ((await handler({ ...context, logAccess })) === 'streamed') return;
  } catch (error) {
    if (!signal.aborted) sendFailure(response, error, deps.log);
  }
  if (response.headersSent) logAccess();
}

const accessText = ({ socket, method }: IncomingMessage, path: string, status: number) =>
  `${socket.remoteAddress}:${socket.remotePort} - "${method} ${path} HTTP/1.1" ${status} ${STATUS_CODES[status]}`;

/** Only what begins with /v1 needs the key. */
function isAllowed(request: IncomingMessage, path: string, apiKey: string | undefined): boolean {
  if (apiKey === undefined || !path.startsWith('/v1') || request.method === 'OPTIONS') return true;
  const [scheme, token] = (request.headers.authorization ?? '').split(/ (.*)/s, 2);
  return scheme?.toLowerCase() === 'bearer' && token === apiKey;
}

/** Reads a flag; it does no work of the engine. */
function health({ response, deps }: Context): void {
  send(response, deps.core.isDead ? 503 : 200);
}

function metrics({ response, deps }: Context): void {
  send(response, 200, deps.metrics.render(deps.core), { 'content-type': 'text/plain; version=1.0.0; charset=utf-8' });
}

type JobMaker = (body: unknown, incoming: Incoming, deps: VllmDeps) => Job;

async function generate(context: Context, jobOf: JobMaker): Promise<'streamed' | void> {
  const { request, response, deps, signal } = context;
  const body = await readJson(context);
  const fate = nextFate(context.trouble);
  if (fate === 'crash') process.abort();
  if (fate === 'hang') return;
  const requestId = request.headers['x-request-id'];
  const job = jobOf(body, { requestId: typeof requestId === 'string' ? requestId : undefined, fate, signal }, deps);
  if (deps.core.isDead) throw new EngineDeadError(); // else a stream would begin with 200
  if (!job.request.stream) return sendJson(response, 200, await answerWhole(job, deps));
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
  context.logAccess();
  await answerStream(job, deps, async (text) => {
    if (!response.write(text)) await once(response, 'drain', { signal });
  });
  response.end();
  return 'streamed';
}

function nextFate(trouble: Trouble): 'serve' | 'fail' | 'hang' | 'crash' | 'engine-death' {
  const fate = trouble.nextRequest();
  return fate === 'serve' && trouble.nextBatchFails() ? 'fail' : fate;
}

/** @throws VllmError 400, 413 */
async function readJson({ request, deps }: Context): Promise<unknown> {
  if (!/^application\/(.+\+)?json\b/i.test(request.headers['content-type'] ?? '')) {
    throw schemaError([{ type: 'value_error', path: [], message: "Unsupported Media Type: Only 'application/json' is allowed" }]);
  }
  const body = await readBody(request, deps.options.payloadLimit).catch((error: unknown) => {
    if (!(error instanceof BodyTooLarge)) throw error;
    throw new VllmError('Request Entity Too Large', `The body has more than ${deps.options.payloadLimit} bytes (--payload-limit).`);
  });
  try {
    return JSON.parse(body.toString());
  } catch {
    throw schemaError([{ type: 'json_invalid', path: [], message: 'JSON decode error' }]);
  }
}

function sendFailure(response: ServerResponse, error: unknown, log: VllmLog): void {
  const failure = asVllmError(error);
  if (!(error instanceof VllmError)) log.bare('APIServer', error instanceof Error ? (error.stack ?? error.message) : String(error));
  if (response.headersSent) response.destroy();
  else sendJson(response, failure.status, vllmErrorBody(failure));
}
