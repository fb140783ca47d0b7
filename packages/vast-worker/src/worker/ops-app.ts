import type { IncomingMessage, RequestListener } from 'node:http';
import { paths } from '@bluefly/vast-protocol';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import { readBody } from '../adapters/read-body.ts';
import { errorBody } from '../adapters/reply.ts';
import { type ErrorCode, WorkerError } from '../errors.ts';
import { showsBearer } from './bearer.ts';
import type { HealthReport } from './health-report.ts';
import type { Sessions } from './sessions.ts';
import { markForUpdate } from './update-route.ts';

/** The second way in: everything that is not a POST on a configured route. */

export interface OpsAppDeps {
  metrics: WorkerMetrics;
  health: () => HealthReport;
  /** The model server's own metrics. @throws WorkerError when it has none to give */
  modelMetrics: (signal: AbortSignal) => Promise<{ contentType: string; text: string }>;
  /** Who shows it reads metrics and why the worker is as it is; undefined: anybody does. */
  metricsToken: string | undefined;
  sessions: Sessions;
  /** Password of the update route; empty: closed. */
  masterToken: string;
  /** Written by the update route for the start script. */
  updateMarkerFile: string;
  /** The service's own. */
  serviceMetrics: { metrics(): Promise<string> } | undefined;
  maxBodyBytes: number;
  /** Configured routes: another method on them is a 405. */
  routes: readonly string[];
}

export function createOpsApp(deps: OpsAppDeps): RequestListener {
  const { metrics, health, metricsToken, sessions, maxBodyBytes, routes } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  const mayRead = ({ headers }: IncomingMessage) => metricsToken === undefined || showsBearer(headers.authorization, metricsToken);
  const requireToken: RequestHandler = (request, _response, next) =>
    mayRead(request) ? next() : next(new WorkerError('UNAUTHORIZED', 'metrics'));

  app.get('/health', (request, response) => {
    const report = health();
    response.status(report.phase === 'ready' ? 200 : 503);
    if (mayRead(request)) response.json(report);
    else response.end(); // strangers learn that it serves, and nothing else
  });
  app.get('/metrics', requireToken, async (_request, response) => {
    const texts = await Promise.all([metrics.registry.metrics(), deps.serviceMetrics?.metrics()]);
    response.type(metrics.registry.contentType).send(texts.join(''));
  });
  app.get('/metrics/model', requireToken, async (_request, response) => {
    const { contentType, text } = await deps.modelMetrics(AbortSignal.timeout(modelMetricsTimeoutMs));
    response.type(contentType).send(text);
  });

  app.post(paths.sessionCreate, async (request, response) => {
    response.status(201).json(await sessions.create(await readBody(request, maxBodyBytes)));
  });
  app.post(paths.sessionGet, async (request, response) => {
    response.json(await sessions.get(await readBody(request, maxBodyBytes)));
  });
  app.post(paths.sessionHealth, async (request, response) => {
    response.json(await sessions.health(await readBody(request, maxBodyBytes)));
  });
  app.post(paths.sessionEnd, async (request, response) => {
    response.json(await sessions.end(await readBody(request, maxBodyBytes)));
  });
  app.post(paths.update, async (request, response) => {
    await markForUpdate(request.headers.authorization, deps.masterToken, deps.updateMarkerFile);
    response.json({ ok: true });
  });
  answerTheRest(
    app,
    metrics,
    [paths.update, ...routes, paths.sessionCreate, paths.sessionGet, paths.sessionHealth, paths.sessionEnd],
    ['/health', '/metrics', '/metrics/model'],
  );
  return app;
}

/** The port for the model server itself: it may end the session it works for, and nothing else. */
export function createInternalApp({ metrics, sessions }: Pick<OpsAppDeps, 'metrics' | 'sessions'>): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.post(paths.sessionEnd, async (request, response) => {
    response.json(await sessions.end(await readBody(request, internalBodyBytes)));
  });
  answerTheRest(app, metrics, [paths.sessionEnd], []);
  return app;
}

const modelMetricsTimeoutMs = 5_000;
const internalBodyBytes = 1024 * 1024;

/** Unknown paths, wrong methods, and every error as JSON. */
export function answerTheRest(app: Express, metrics: WorkerMetrics, posts: readonly string[], gets: readonly string[]): void {
  const allowed = new Map([...posts.map((path) => [path, 'POST'] as const), ...gets.map((path) => [path, 'GET'] as const)]);
  app.use((request, response, next) => {
    const allow = allowed.get(request.path);
    if (allow === undefined) return next(new WorkerError('ROUTE_UNKNOWN', 'unknown path'));
    response.set('allow', allow);
    next(new WorkerError('METHOD_NOT_ALLOWED', request.method));
  });

  const answerError: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    const refusal = error instanceof WorkerError ? error : new WorkerError(codeOf(error), 'express', { cause: error });
    metrics.refused(refusal.code);
    if (refusal.retryAfterSeconds !== undefined && !response.headersSent) response.set('retry-after', String(refusal.retryAfterSeconds));
    if (response.headersSent) response.destroy();
    else response.status(refusal.status).json(errorBody(refusal));
  };
  app.use(answerError);
}

/** What express itself throws carries a status, such as 400 for a path that does not decode. */
function codeOf(error: unknown): ErrorCode {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status < 500 ? 'HTTP_MALFORMED' : 'INTERNAL';
}
