import type { RequestListener } from 'node:http';
import express from 'express';
import { AbortScope } from '../adapters/abort-scope.ts';
import type { Clock } from '../adapters/clock.ts';
import { Exchange } from '../adapters/exchange.ts';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import type { ModelServerClient } from '../adapters/model-server-client.ts';
import { sendResponse } from '../adapters/response-relay.ts';
import type { Caller } from '../domain/account.ts';
import { endingOfError, endingOfStatus } from '../domain/outcome.ts';
import { WorkerError } from '../errors.ts';
import type { DirectDoor } from './direct-door.ts';
import { answerTheRest } from './ops-app.ts';
import { charge } from './tickets.ts';

/** What the model server tells about itself, passed on to callers of direct mode. No work: in no book, but one request of the caller's quota. */
export const passedOnPaths = ['/v1/models', '/info', '/version'];

export interface DirectAppDeps {
  door: DirectDoor;
  modelServer: ModelServerClient;
  metrics: WorkerMetrics;
  clock: Clock;
  /** Configured routes: another method on them is a 405. */
  routes: readonly string[];
}

/** The second way in of a listener of direct mode. Strangers hear nothing here, not even which paths there are. */
export function createDirectApp({ door, modelServer, metrics, clock, routes }: DirectAppDeps): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  app.use(async (request, response, next) => {
    response.locals.caller = await door.identify(request);
    next();
  });
  app.get(passedOnPaths, async (request, response) => {
    const { account } = response.locals.caller as Caller;
    charge(account, 0, clock.now());
    const exchange = new Exchange(request, response, '', {});
    try {
      const status = await passOn(modelServer, request.path, exchange);
      account.settle(endingOfStatus(status).outcome, 0);
    } catch (error) {
      account.settle(endingOfError(error instanceof WorkerError ? error.code : undefined).outcome, 0);
      throw error;
    }
  });
  answerTheRest(app, metrics, routes, passedOnPaths);
  return app;
}

/** @returns the status of the model server's answer, once the client has it. @throws WorkerError as `ModelServerClient.call` does */
async function passOn(modelServer: ModelServerClient, path: string, exchange: Exchange): Promise<number> {
  using limit = new AbortScope(exchange.signal, passOnTimeoutMs, () => new WorkerError('MODEL_SERVER_TIMEOUT', path));
  return await sendResponse(await modelServer.call(path, { method: 'GET' }, limit.signal), exchange);
}

const passOnTimeoutMs = 10_000;
