import type { IncomingMessage } from 'node:http';
import { type AuthData, parseEnvelope } from '@bluefly/vast-protocol';
import { AbortScope } from '../adapters/abort-scope.ts';
import type { Exchange } from '../adapters/exchange.ts';
import type { KeepAlive } from '../adapters/keep-alive.ts';
import type { Logger } from '../adapters/logger.ts';
import type { WorkerMetrics } from '../adapters/metrics.ts';
import type { ModelServerClient } from '../adapters/model-server-client.ts';
import { readBody } from '../adapters/read-body.ts';
import { sendError } from '../adapters/reply.ts';
import { sendResponse } from '../adapters/response-relay.ts';
import { traceHeaders } from '../adapters/trace-context.ts';
import type { Tracing } from '../adapters/tracing.ts';
import type { Caller } from '../domain/account.ts';
import { isRefusal } from '../domain/admission.ts';
import { measureWorkload } from '../domain/workload.ts';
import { WorkerError } from '../errors.ts';
import { readPlainBody } from './direct-body.ts';
import type { CallModel, Handler, Payload, Respond } from './handler-config.ts';
import type { Sessions } from './sessions.ts';
import type { RouteDesk, Ticket, TicketDesk } from './tickets.ts';

export interface RequestDeps {
  desk: TicketDesk;
  modelServer: ModelServerClient;
  metrics: WorkerMetrics;
  log: Logger;
  maxBodyBytes: number;
  maxBodyDepth: number;
  /** Checks the signature; a promise only when that takes the network. @throws WorkerError SIGNATURE_INVALID, PUBLIC_KEY_MISSING */
  verify(auth: AuthData, rawAuth: Buffer | undefined, inSession: boolean): void | Promise<void>;
  sessions: Sessions;
  keepAlive: KeepAlive;
  /** undefined: off. */
  tracing: Tracing | undefined;
}

/**
 * The life of one request. Every refusal is a WorkerError; it is answered at the end of the story.
 * @param caller of direct mode, who need not send an envelope; undefined: everybody else, who must
 */
export async function handleRequest(exchange: Exchange, route: RouteDesk, deps: RequestDeps, caller?: Caller): Promise<void> {
  let ticket: Ticket | undefined;
  try {
    const body = await readBody(exchange.request, deps.maxBodyBytes);
    const envelope = (caller && readPlainBody(body, deps.maxBodyDepth)) ?? readEnvelope(body, deps.maxBodyDepth);
    const { auth } = envelope;
    const verifying = auth && deps.verify(auth, envelope.authBytes, envelope.sessionId !== null); // strangers cost us nothing and move no counter
    if (verifying) await verifying;
    const session = auth && envelope.sessionId !== null ? deps.sessions.require(envelope.sessionId, auth) : undefined;
    let payload = checkPayload(route.handler, envelope.payload, auth ? 'payload' : undefined);
    if (route.handler.requestParser) payload = await runParser(route.handler.requestParser, payload);
    const workload = measure(route, payload);
    if (exchange.abortReason) throw exchange.abortReason;

    ticket = deps.desk.admit(route, {
      requestIdx: auth?.request_idx,
      workload,
      inSession: session !== undefined,
      caller: caller?.id,
      account: caller?.account,
      deadlineMs: readDeadline(exchange.request),
    });
    ticket.follow(exchange);
    if (deps.tracing) exchange.span = deps.tracing.begin(exchange.request, spanFacts(ticket, payload));
    if (payload.stream === true) deps.keepAlive.watch(exchange);
    if (session) ticket.onEnd = deps.sessions.join(session, ticket);
    const waiting = ticket.turn();
    if (waiting) await waiting;

    const status =
      (route.handler.respond && (await respond(route.handler.respond, payload, exchange, deps.modelServer))) ??
      (await deps.modelServer.relay(route.upstreamPath, forwardedBytes(route.handler, payload, envelope.payloadBytes), exchange));
    ticket.endWithStatus(status);
    exchange.span?.end({ status, ...spanEnding(ticket), error: undefined });
    tellEnd(deps.log, exchange, ticket, status);
  } catch (error) {
    const refusal = error instanceof WorkerError ? error : new WorkerError('HANDLER_FAILED', route.handler.route, { cause: error });
    if (ticket) ticket.endWithError(refusal);
    else if (!isRefusal(refusal.code)) deps.metrics.refused(refusal.code);
    if (deps.tracing) endSpan(deps.tracing, exchange, route, ticket, refusal);
    tellRefusal(deps.log, exchange, route.handler.route, ticket, refusal);
    sendError(exchange, refusal);
  }
}

/** @returns milliseconds from its arrival by which the caller wants its turn. @throws WorkerError DEADLINE_INVALID */
function readDeadline({ headers }: IncomingMessage): number | undefined {
  const text = headers['x-request-timeout-ms'];
  if (text === undefined) return undefined;
  const milliseconds = Number(text);
  if (Number.isInteger(milliseconds) && milliseconds > 0) return milliseconds;
  throw new WorkerError('DEADLINE_INVALID', 'x-request-timeout-ms');
}

function readEnvelope(body: Buffer, maxDepth: number) {
  const envelope = parseEnvelope(body, { maxDepth });
  if (!envelope.ok) {
    const fields = envelope.problems.map(({ path }) => path).join(', ');
    throw new WorkerError('ENVELOPE_INVALID', fields, { details: envelope.problems });
  }
  return envelope;
}

/**
 * Checks the payload against the handler's schema. It and the parser see what the caller sent, and refuse it with 422.
 * @param where the payload is in the body; undefined: it is the body
 */
function checkPayload(handler: Handler, payload: Payload, where: 'payload' | undefined): Payload {
  if (!handler.payload) return payload;
  const checked = handler.payload.safeParse(payload);
  if (checked.success) return checked.data as Payload;
  const details = checked.error.issues.map((issue) => ({
    path: [...(where ? [where] : []), ...issue.path].join('.'),
    message: issue.message,
  }));
  throw new WorkerError('PAYLOAD_INVALID', details.map(({ path }) => path).join(', '), { details });
}

async function runParser(requestParser: NonNullable<Handler['requestParser']>, payload: Payload): Promise<Payload> {
  try {
    return await requestParser(payload);
  } catch (cause) {
    if (cause instanceof WorkerError) throw cause;
    throw new WorkerError('PAYLOAD_INVALID', 'requestParser refused it', { cause });
  }
}

function measure(route: RouteDesk, payload: Payload): number {
  const { workload, measured } = measureWorkload(route.workloadCalculator, payload);
  if (!measured) route.metrics.calculatorFailed();
  return workload;
}

/** The caller's own bytes, unless a parser made another payload: 64-bit seeds and `1.0` survive. */
function forwardedBytes(handler: Handler, payload: Payload, payloadBytes: Buffer): Buffer {
  return handler.requestParser ? Buffer.from(JSON.stringify(payload)) : payloadBytes;
}

/**
 * Runs a handler that does more than relay. Its calls to the model server end with the request, whatever it does.
 * @returns the status it answered with; undefined when it wants the payload relayed
 */
async function respond(
  handler: Respond,
  payload: Payload,
  exchange: Exchange,
  modelServer: ModelServerClient,
): Promise<number | undefined> {
  using scope = new AbortScope(exchange.signal);
  const { signal } = scope;
  try {
    const trace = exchange.span?.headers ?? traceHeaders(exchange.request);
    const callModel: CallModel = (path, init) => modelServer.call(path, { ...init, headers: { ...trace, ...init?.headers } }, signal);
    const answer = handler({ payload, signal, callModel, identifyModelServer: () => modelServer.identify() });
    const response = await orAborted(answer, exchange.signal);
    return response && (await sendResponse(response, exchange));
  } finally {
    scope.abort(new WorkerError('REQUEST_ABORTED', 'the request is over'));
  }
}

/** A handler that does not listen to its signal holds nobody up. */
async function orAborted<Value>(work: Value | Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const spanFacts = ({ route, workload, enteredQueueAt }: Ticket, { model }: Payload) => ({
  route: route.handler.route,
  workload,
  model,
  startedAt: enteredQueueAt,
});

function spanEnding(ticket: Ticket): { outcome: string; waitSeconds: number } {
  const { outcome, waitSeconds } = ticket.facts();
  return { outcome, waitSeconds };
}

/** A request that admission refused has a span, too; strangers have none. */
function endSpan(tracing: Tracing, exchange: Exchange, route: RouteDesk, ticket: Ticket | undefined, error: WorkerError): void {
  const status = error.code === 'REQUEST_ABORTED' ? undefined : exchange.response.headersSent ? exchange.response.statusCode : error.status;
  if (ticket) return exchange.span?.end({ status, ...spanEnding(ticket), error });
  if (!isRefusal(error.code)) return;
  const facts = { route: route.handler.route, workload: undefined, model: undefined, startedAt: Date.now() / 1000 };
  tracing.begin(exchange.request, facts)?.end({ status, outcome: 'rejected', waitSeconds: undefined, error });
}

/** The life of a request, for who debugs: what it cost and how it ended, never what was in it. */
function tellEnd(log: Logger, { requestId }: Exchange, ticket: Ticket, status: number): void {
  if (log.isLevelEnabled('debug')) log.debug({ requestId, ...ticket.facts(), status }, 'request ended');
}

/** Our own faults are errors; what callers and model servers do is the life of a request. */
function tellRefusal(log: Logger, { requestId }: Exchange, route: string, ticket: Ticket | undefined, refusal: WorkerError): void {
  const facts = { requestId, route, ...ticket?.facts(), code: refusal.code };
  if (refusal.code !== 'HANDLER_FAILED') return log.debug(facts, 'request not served');
  const { cause } = refusal;
  log.error({ ...facts, errorName: cause instanceof Error ? cause.name : typeof cause, at: topFrame(cause) }, 'handler failed');
}

/** Where it happened; not the message, which may quote what was sent. */
const topFrame = (cause: unknown) =>
  cause instanceof Error
    ? cause.stack
        ?.split('\n')
        .find((line) => /^\s+at /.test(line))
        ?.trim()
    : undefined;
