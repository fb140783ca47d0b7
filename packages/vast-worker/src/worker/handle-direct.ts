import type { Exchange } from '../adapters/exchange.ts';
import { sendError } from '../adapters/reply.ts';
import type { Caller } from '../domain/account.ts';
import { WorkerError } from '../errors.ts';
import type { DirectDoor } from './direct-door.ts';
import { handleRequest, type RequestDeps } from './handle-request.ts';
import type { RouteDesk } from './tickets.ts';

/** A request on the listener of a trust source: who it is from comes first, before its body is read; then it is one like any other. */
export async function handleDirect(exchange: Exchange, route: RouteDesk, door: DirectDoor, deps: RequestDeps): Promise<void> {
  let caller: Caller;
  try {
    caller = await door.identify(exchange.request);
    if (exchange.abortReason) throw exchange.abortReason; // it left meanwhile: its body would never end
  } catch (error) {
    const refusal = error instanceof WorkerError ? error : new WorkerError('INTERNAL', 'trust source', { cause: error });
    deps.metrics.refused(refusal.code);
    deps.log.debug({ requestId: exchange.requestId, route: route.handler.route, code: refusal.code }, 'request not served');
    sendError(exchange, refusal);
    return;
  }
  await handleRequest(exchange, route, deps, caller);
}
