import type { RequestListener } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import { errorBody } from '../adapters/reply.ts';
import { type ErrorCode, WorkerError } from '../errors.ts';
import type { HealthReport } from './health-report.ts';

/** The second way in: everything that is not a POST on a configured route. */

export interface OpsAppDeps {
  metrics: WorkerMetrics;
  health: () => HealthReport;
  /** Configured routes: another method on them is a 405. */
  routes: readonly string[];
}

export function createOpsApp({ metrics, health, routes }: OpsAppDeps): RequestListener {
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

  const allowed = new Map([...routes.map((route) => [route, 'POST'] as const), ['/health', 'GET'], ['/metrics', 'GET']]);
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
  return app;
}

/** What express itself throws carries a status, such as 400 for a path that does not decode. */
function codeOf(error: unknown): ErrorCode {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status < 500 ? 'HTTP_MALFORMED' : 'INTERNAL';
}
