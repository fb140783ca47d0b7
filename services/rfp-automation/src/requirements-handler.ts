import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CallModel, defineHandler, type HandlerConfig, WorkerError } from '@bluefly/vast-worker';
import type { Outline } from './document/outline.ts';
import { type PassageLimits, planPassages } from './document/passages.ts';
import { toRequirements } from './document/requirements.ts';
import { RequirementsError } from './errors.ts';
import { eventStream } from './event-stream.ts';
import { createAskModel } from './model/ask-model.ts';
import { callsWorkload, passageLimits } from './model/call-plan.ts';
import { ContextLength } from './model/context-length.ts';
import { readWithModel } from './model/read-with-model.ts';
import type { Reading, ReadingSteps } from './reading.ts';
import { requirementsRequest } from './requirements-request.ts';
import { readWithRules } from './rules/read-with-rules.ts';
import type { ReadingMethod, ServiceSettings } from './settings.ts';

/** Requirements of a whole document: one request, one ticket, as many calls to the model server as it takes. */
export function createRequirementsHandler({ method, workloadUnit }: ServiceSettings): HandlerConfig {
  const context = new ContextLength();
  return defineHandler({
    route: '/v1/rfp/requirements',
    payload: requirementsRequest,
    /** Rules make no calls; 1, so that the control plane sees them at all. */
    workloadCalculator: ({ outline }) =>
      method === 'rules' ? 1 : callsWorkload(planPassages(outline, passageLimits(context.tokens)), workloadUnit),
    allowParallelRequests: true,
    maxConcurrency: 8,
    maxQueueTime: 120, // seconds
    async respond({ payload: { outline, stream }, signal, callModel }) {
      try {
        const steps = method === 'rules' ? stepsOfRules(outline, signal) : await stepsOfModel(outline, context, callModel, signal);
        if (stream) return eventStream(events(steps, method, outline));
        return Response.json(answerOf(await lastOf(steps), method, outline));
      } catch (error) {
        if (error instanceof RequirementsError) return errorResponse(error);
        throw error;
      }
    },
  });
}

/** How much rules read before they tell their progress; they have no context to fit in. */
const stepLimits: PassageLimits = { passageTokens: 1500, overlapTokens: 0 };

const stepsOfRules = (outline: Outline, signal: AbortSignal): ReadingSteps =>
  readWithRules(outline, planPassages(outline, stepLimits), signal);

async function stepsOfModel(outline: Outline, context: ContextLength, callModel: CallModel, signal: AbortSignal): Promise<ReadingSteps> {
  const limits = passageLimits(await context.ask(callModel));
  return readWithModel(outline, planPassages(outline, limits), createAskModel(callModel, signal));
}

async function lastOf(steps: ReadingSteps): Promise<Reading> {
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return step.value;
}

/** Progress, then the answer. A failure is told as an event, and then breaks the stream off, so that the books say what happened. */
async function* events(steps: ReadingSteps, method: ReadingMethod, outline: Outline): AsyncGenerator<object> {
  try {
    let step = await steps.next();
    for (; !step.done; step = await steps.next()) yield { type: 'progress', ...step.value };
    yield { type: 'result', ...answerOf(step.value, method, outline) };
  } catch (error) {
    if (!(error instanceof RequirementsError || error instanceof WorkerError)) throw error;
    yield errorBody(error);
    await nextTurn(); // the event leaves before the connection is cut
    throw error instanceof WorkerError ? error : new WorkerError('MODEL_SERVER_UNREACHABLE', error.message);
  }
}

const answerOf = ({ findings, unread, droppedQuotes, usage }: Reading, method: ReadingMethod, outline: Outline) => ({
  object: 'rfp.requirements',
  method,
  offset_unit: 'utf-16 code units',
  document_length: outline.text.length,
  requirements: toRequirements(outline, findings),
  unread,
  dropped_quotes: droppedQuotes,
  usage,
});

/** The shape of the worker's own errors. */
const errorBody = ({ code, status, safeMessage: message }: RequirementsError | WorkerError) => ({
  error: { code, message, type: status < 500 ? 'invalid_request_error' : 'server_error', param: null },
  message,
});

const errorResponse = (error: RequirementsError) => Response.json(errorBody(error), { status: error.status });
