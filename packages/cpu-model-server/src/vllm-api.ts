import { createHash, randomUUID } from 'node:crypto';
import type { ChatMessage } from './engine.ts';
import type { ModelServerOptions } from './options.ts';
import { type AnswerShapes, chatShapes, completionShapes } from './vllm-answers.ts';
import { VllmError } from './vllm-errors.ts';
import type { GenerateDeps, Job, Prompt } from './vllm-generate.ts';
import {
  type GenerationRequest,
  readChatRequest,
  readCompletionRequest,
  readDetokenizeRequest,
  readTokenizeRequest,
} from './vllm-requests.ts';

/** The routes of vLLM: what a body asks for. */

export interface VllmDeps extends GenerateDeps {
  options: ModelServerOptions;
  version: string;
}

/** What a job needs to know beside the body. */
export interface Incoming {
  /** Header `X-Request-Id`. */
  requestId: string | undefined;
  fate: Job['fate'];
  signal: AbortSignal;
}

/** @throws VllmError 400, 404 */
export function completionJob(body: unknown, incoming: Incoming, deps: VllmDeps): Job {
  const request = readCompletionRequest(body, deps.engine.samplingDefaults);
  requireModel(request.model, deps);
  const isEchoAlone = request.echo && request.maxTokens === 0;
  const prompts = request.prompts.map((prompt) => {
    const ids = typeof prompt === 'string' ? deps.engine.encode(prompt, request.addSpecialTokens) : knownIds(prompt, deps);
    const echo = request.echo ? (typeof prompt === 'string' ? prompt : deps.engine.decode(ids)) : '';
    return promptOf(ids, isEchoAlone ? 1 : request.maxTokens, echo, deps);
  });
  return jobOf(completionShapes, request, prompts, isEchoAlone, incoming, deps);
}

/** @throws VllmError 400, 404 */
export function chatJob(body: unknown, incoming: Incoming, deps: VllmDeps): Job {
  const request = readChatRequest(body, deps.engine.samplingDefaults);
  requireModel(request.model, deps);
  const ids = deps.engine.encode(renderChat(request.messages, deps), false);
  return jobOf(chatShapes, request, [promptOf(ids, request.maxTokens, '', deps)], false, incoming, deps);
}

/** @throws VllmError 400, 404 */
export function tokenizeAnswer(body: unknown, deps: VllmDeps): object {
  const { model, input, addSpecialTokens, withTexts } = readTokenizeRequest(body);
  requireModel(model, deps);
  const text = typeof input === 'string' ? input : renderChat(input, deps);
  const tokens = deps.engine.encode(text, addSpecialTokens);
  return {
    count: tokens.length,
    max_model_len: deps.options.maxModelLen,
    tokens,
    token_strs: withTexts ? deps.engine.tokenTexts(tokens) : null,
  };
}

/** @throws VllmError 400, 404 */
export function detokenizeAnswer(body: unknown, deps: VllmDeps): object {
  const { model, tokens } = readDetokenizeRequest(body);
  requireModel(model, deps);
  return { prompt: deps.engine.decode(knownIds(tokens, deps)) };
}

export function modelsAnswer({ options }: VllmDeps, created: number): object {
  const id = options.servedModelName;
  const permission = {
    id: `modelperm-${hash8(id)}`,
    object: 'model_permission',
    created,
    allow_create_engine: false,
    allow_sampling: true,
    allow_logprobs: false,
    allow_search_indices: false,
    allow_view: true,
    allow_fine_tuning: false,
    organization: '*',
    group: null,
    is_blocking: false,
  };
  const model = { id, object: 'model', created, owned_by: 'vllm', root: id, parent: null, max_model_len: options.maxModelLen };
  return { object: 'list', data: [{ ...model, permission: [permission] }] };
}

function jobOf(
  shapes: AnswerShapes,
  request: GenerationRequest,
  prompts: Prompt[],
  isEchoAlone: boolean,
  { requestId, fate, signal }: Incoming,
  { options, version }: VllmDeps,
): Job {
  const head = {
    id: `${shapes.idPrefix}-${requestId ?? randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: options.servedModelName,
    fingerprint: `vllm-${version}-${hash8(options.servedModelName)}`,
  };
  return { head, shapes, request, prompts, isEchoAlone, fate, signal };
}

const hash8 = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** @param maxTokens undefined: what the context has room for */
function promptOf(ids: readonly number[], maxTokens: number | undefined, echo: string, { options }: VllmDeps): Prompt {
  const context = options.maxModelLen;
  const asked = maxTokens ?? Math.max(0, context - ids.length);
  if (ids.length === 0) throw new VllmError('BadRequestError', 'The decoder prompt cannot be empty', 'prompt');
  if (ids.length + asked > context || asked === 0) {
    throw new VllmError(
      'BadRequestError',
      `This model's maximum context length is ${context} tokens. However, you requested ${asked} output tokens and your prompt contains ` +
        `${ids.length} input tokens, for a total of ${ids.length + asked} tokens. Please reduce the length of the input prompt or the ` +
        'number of requested output tokens.',
      'input_tokens',
    );
  }
  return { ids, maxTokens: asked, echo };
}

function renderChat(messages: readonly ChatMessage[], { engine }: VllmDeps): string {
  let prompt: string | undefined;
  try {
    prompt = engine.renderChat(messages);
  } catch (error) {
    throw new VllmError('BadRequestError', (error as Error).message); // the template's own words: it may refuse an order of roles
  }
  if (prompt !== undefined) return prompt;
  throw new VllmError(
    'BadRequestError',
    'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one.',
  );
}

function knownIds(ids: readonly number[], { engine }: VllmDeps): readonly number[] {
  const unknown = ids.find((id) => !engine.hasToken(id));
  if (unknown !== undefined) throw new VllmError('BadRequestError', `Token id ${unknown} is out of vocabulary`);
  return ids;
}

function requireModel(model: string | undefined, { options }: VllmDeps): void {
  if (model === undefined || model === '' || model === options.servedModelName) return;
  throw new VllmError('NotFoundError', `The model \`${model}\` does not exist.`, 'model');
}
