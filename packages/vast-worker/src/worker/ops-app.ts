import type { RequestListener } from 'node:http';
import { paths } from '@bluefly/vast-protocol';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import { readBody } from '../adapters/read-body.ts';
import { errorBody } from '../adapters/reply.ts';
import { type ErrorCode, WorkerError } from '../errors.ts';
import type { HealthReport } from './health-report.ts';
import type { Sessions } from './sessions.ts';
import { markForUpdate } from './update-route.ts';

/** The second way in: everything that is not a POST on a configured route. */

export interface OpsAppDeps {
  metrics: WorkerMetrics;
  health: () => HealthReport;
  sessions: Sessions;
  /** Password of the update route; empty: closed. */
  masterToken: string;
  /** Written by the update route for the start script. */
  updateMarkerFile: string;
  maxBodyBytes: number;
  /** Configured routes: another method on them is a 405. */
  routes: readonly string[];
}

export function createOpsApp(deps: OpsAppDeps): RequestListener {
  const { metrics, health, sessions, maxBodyBytes, routes } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  app.get('/health', (_request, response) => {
    const report = health();
    response.status(report.phase === 'ready' ? 200 : 503).json(report);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
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
    ['/health', '/metrics'],
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

const internalBodyBytes = 1024 * 1024;

/** Unknown paths, wrong methods, and every error as JSON. */
function answerTheRest(app: Express, metrics: WorkerMetrics, posts: readonly string[], gets: readonly string[]): void {
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
