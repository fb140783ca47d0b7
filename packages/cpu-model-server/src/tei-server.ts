import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpServer, send, sendJson } from './http.ts';
import { BodyTooLarge, readBody } from './read-body.ts';
import { type Caller, openAiPaths, type TeiDeps, teiInfo, teiRoutes } from './tei-api.ts';
import { FrameworkError, nativeErrorBody, openAiErrorBody, TeiError } from './tei-errors.ts';
import type { Trouble } from './trouble.ts';

/** HTTP in front of the routes. Requests that POST `/` go where the model's kind says. */
export function createTeiServer(deps: TeiDeps, trouble: Trouble): HttpServer {
  return new HttpServer((request, response) => void serve(request, response, deps, trouble), 75_000);
}

const openPaths = new Set(['/health', '/', '/ping', '/metrics']);
const getPaths: ReadonlySet<string> = new Set(['/info', '/health', '/', '/ping', '/metrics']);

async function serve(request: IncomingMessage, response: ServerResponse, deps: TeiDeps, trouble: Trouble): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const route = postRoute(path, deps);
  const methods = [...(route ? ['POST'] : []), ...(getPaths.has(path) ? ['GET', 'HEAD'] : [])];
  if (methods.length === 0) return send(response, 404);
  if (!methods.includes(request.method ?? '')) return send(response, 405, '', { allow: methods.join(',') });
  const isOpen = request.method !== 'POST' && openPaths.has(path);
  if (deps.options.apiKey !== undefined && !isOpen && request.headers.authorization !== `Bearer ${deps.options.apiKey}`) {
    return send(response, 401);
  }
  if (request.method !== 'POST' || !route) return serveGet(path, response, deps);

  const fate = trouble.nextRequest();
  if (fate === 'crash') process.abort();
  if (fate === 'hang') return;
  const caller: Caller = { isGone: () => response.destroyed };
  try {
    const body = await readJson(request, deps.options.payloadLimit);
    const answer = await route(body, caller, deps);
    sendJson(response, 200, answer.body, answer.headers);
  } catch (error) {
    sendFailure(response, error, path, deps);
  }
}

function postRoute(path: string, { model }: TeiDeps) {
  if (path !== '/' && path !== '/invocations') return Object.hasOwn(teiRoutes, path) ? teiRoutes[path] : undefined;
  if (model.kind === 'reranker') return teiRoutes['/rerank'];
  return teiRoutes[process.env.TASK === 'sentence-similarity' ? '/similarity' : '/embed'];
}

async function serveGet(path: string, response: ServerResponse, deps: TeiDeps): Promise<void> {
  if (path === '/info') return sendJson(response, 200, teiInfo(deps));
  if (path === '/metrics') {
    deps.metrics.gauge('te_queue_size', deps.backend.queueSize);
    return send(response, 200, deps.metrics.render(), { 'content-type': 'text/plain; version=0.0.4' });
  }
  if (await deps.backend.check()) return send(response, 200);
  sendJson(response, 503, { error: 'unhealthy', error_type: 'Unhealthy' });
}

/** @throws FrameworkError as TEI's HTTP framework: plain text */
async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  if (!/^application\/(.+\+)?json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new FrameworkError(415, 'Expected request with `Content-Type: application/json`');
  }
  const body = await readBody(request, limit).catch((error: unknown) => {
    if (!(error instanceof BodyTooLarge)) throw error;
    throw new FrameworkError(413, 'Failed to buffer the request body: length limit exceeded');
  });
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new FrameworkError(400, `Failed to parse the request body as JSON: ${(error as SyntaxError).name}`);
  }
}

function sendFailure(response: ServerResponse, error: unknown, path: string, { metrics }: TeiDeps): void {
  if (response.destroyed) return;
  if (error instanceof FrameworkError) return send(response, error.status, error.message, { 'content-type': 'text/plain; charset=utf-8' });
  const failure = error instanceof TeiError ? error : new TeiError('Backend', 'Backend error: this is a bug of cpu-model-server');
  if (!(error instanceof TeiError)) console.error(error);
  if (failure.metric !== 'batch_size') metrics.count('te_request_failure', { err: failure.metric });
  sendJson(response, failure.status, openAiPaths.has(path) ? openAiErrorBody(failure) : nativeErrorBody(failure));
}
