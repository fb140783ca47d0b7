import { z } from 'zod';
import type { ChatMessage } from './engine.ts';
import type { SamplingSettings } from './sampling.ts';
import type { StopRules } from './vllm-deltas.ts';
import { VllmError } from './vllm-errors.ts';

/** The bodies that vLLM takes. Unknown fields are ignored; what it knows and we cannot do is refused. */

const optional = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();
const tokenIds = z.array(z.int().min(0));
const flag = optional(z.boolean());

const common = {
  model: optional(z.string()),
  n: optional(z.int()),
  temperature: optional(z.number()),
  top_p: optional(z.number()),
  top_k: optional(z.int()),
  min_p: optional(z.number()),
  presence_penalty: optional(z.number()),
  frequency_penalty: optional(z.number()),
  repetition_penalty: optional(z.number()),
  seed: optional(z.int()),
  stop: optional(z.union([z.string(), z.array(z.string())])),
  stop_token_ids: optional(z.array(z.int())),
  include_stop_str_in_output: flag,
  ignore_eos: flag,
  min_tokens: optional(z.int()),
  max_tokens: optional(z.int()),
  stream: flag,
  stream_options: optional(z.object({ include_usage: flag, continuous_usage_stats: flag })),
  response_format: optional(z.object({ type: z.string() })),
};

const completionSchema = z.object({
  ...common,
  prompt: optional(z.union([z.string(), tokenIds, z.array(z.string()), z.array(tokenIds)])),
  echo: flag,
  add_special_tokens: flag,
});

const textPart = z.object({ type: z.string(), text: z.string().optional() });
const message = z.object({ role: z.string(), content: optional(z.union([z.string(), z.array(textPart)])) });
const chatSchema = z.object({ ...common, messages: z.array(message), max_completion_tokens: optional(z.int()) });

const tokenizeSchema = z.object({
  model: optional(z.string()),
  prompt: z.string().optional(),
  messages: z.array(message).optional(),
  add_special_tokens: flag,
  return_token_strs: flag,
});
const detokenizeSchema = z.object({ model: optional(z.string()), tokens: tokenIds });

/** What is the same for both kinds of completions. */
export interface GenerationRequest {
  model: string | undefined;
  n: number;
  sampling: SamplingSettings & { seed: number | undefined };
  ignoreEnd: boolean;
  stop: Omit<StopRules, 'maxTokens'>;
  /** undefined: as many as the context has room for. */
  maxTokens: number | undefined;
  stream: boolean;
  includeUsage: boolean;
  /** Usage with every chunk. */
  continuousUsage: boolean;
}

export interface CompletionRequest extends GenerationRequest {
  maxTokens: number;
  prompts: (string | number[])[];
  echo: boolean;
  addSpecialTokens: boolean;
}

export interface ChatRequest extends GenerationRequest {
  messages: ChatMessage[];
}

/** @throws VllmError 400 */
export function readCompletionRequest(body: unknown, defaults: Defaults): CompletionRequest {
  const request = parse(completionSchema, body);
  refuseUnsupported(body as Record<string, unknown>, ['suffix', 'logprobs', ...unsupported]);
  const { prompt } = request;
  if (prompt === null || prompt === undefined || prompt === '') {
    throw schemaError([
      { type: 'value_error', path: [], message: 'Value error, Either prompt or prompt_embeds must be provided and non-empty.' },
    ]);
  }
  const prompts = promptsOf(prompt);
  if (prompts.length > mostPrompts) {
    const text = `Value error, prompt list length ${prompts.length} exceeds the maximum allowed count of ${mostPrompts}.`;
    throw schemaError([{ type: 'value_error', path: [], message: text }]);
  }
  const maxTokens = request.max_tokens ?? 16;
  const echo = request.echo ?? false;
  const isEchoAlone = echo && maxTokens === 0;
  return {
    ...generationOf(request, isEchoAlone ? 1 : maxTokens, defaults),
    maxTokens,
    prompts,
    echo,
    addSpecialTokens: request.add_special_tokens ?? true,
  };
}

/** @throws VllmError 400 */
export function readChatRequest(body: unknown, defaults: Defaults): ChatRequest {
  const request = parse(chatSchema, body);
  const fields = body as Record<string, unknown>;
  if (fields.top_logprobs) throw badRequest('top_logprobs is not supported by the engines of cpu-model-server', 'top_logprobs');
  refuseTools(fields);
  const isDefault = fields.add_generation_prompt !== false;
  refuseUnsupported({ ...fields, add_generation_prompt: isDefault ? undefined : 'false' }, [...unsupportedInChat, ...unsupported]);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? undefined;
  return { ...generationOf(request, maxTokens, defaults), maxTokens, messages: messagesOf(request.messages) };
}

/** @throws VllmError 400 */
export function readTokenizeRequest(body: unknown) {
  const { prompt, messages, ...request } = parse(tokenizeSchema, body);
  if (prompt === undefined && messages === undefined) throw schemaError([{ type: 'missing', path: ['prompt'], message: 'Field required' }]);
  return {
    model: request.model ?? undefined,
    input: prompt ?? messagesOf(messages ?? []),
    addSpecialTokens: request.add_special_tokens ?? prompt !== undefined,
    withTexts: request.return_token_strs ?? false,
  };
}

/** @throws VllmError 400 */
export function readDetokenizeRequest(body: unknown) {
  const { model, tokens } = parse(detokenizeSchema, body);
  return { model: model ?? undefined, tokens };
}

const mostPrompts = 1024;
const mostSamples = 16_384;
const mostStopStrings = 4;

function promptsOf(prompt: NonNullable<z.output<typeof completionSchema>['prompt']>): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt];
  if (prompt.length === 0 || typeof prompt[0] === 'number') return [prompt as number[]];
  return prompt as (string | number[])[];
}

function messagesOf(messages: z.output<typeof chatSchema>['messages']): ChatMessage[] {
  return messages.map(({ role, content }) => ({ role, content: contentOf(content ?? '') }));
}

function contentOf(content: string | z.output<typeof textPart>[]): string {
  if (typeof content === 'string') return content;
  const other = content.find(({ type }) => type !== 'text');
  if (other) throw badRequest(`The model is not multimodal: it takes no parts of type ${JSON.stringify(other.type)}.`, 'messages');
  return content.map(({ text }) => text ?? '').join('\n');
}

/** Of the model, for what a request leaves open. */
type Defaults = Partial<SamplingSettings>;

type Common = z.output<z.ZodObject<typeof common>>;

function generationOf(request: Common, maxTokens: number | undefined, defaults: Defaults): Omit<GenerationRequest, 'maxTokens'> {
  const stop = [request.stop ?? []].flat();
  const sampling = {
    temperature: request.temperature ?? defaults.temperature ?? 1,
    topP: request.top_p ?? defaults.topP ?? 1,
    topK: Math.max(0, request.top_k ?? defaults.topK ?? 0), // -1 is vLLM's older word for all
    minP: request.min_p ?? defaults.minP ?? 0,
    repetitionPenalty: request.repetition_penalty ?? defaults.repetitionPenalty ?? 1,
    presencePenalty: request.presence_penalty ?? defaults.presencePenalty ?? 0,
    frequencyPenalty: request.frequency_penalty ?? defaults.frequencyPenalty ?? 0,
    seed: request.seed ?? undefined,
  };
  const n = request.n ?? 1;
  const minTokens = request.min_tokens ?? 0;
  checkRanges(request, { n, minTokens, maxTokens, stop, isGreedy: sampling.temperature === 0 });
  if (!isNothing(request.stream_options) && !request.stream) {
    throw schemaError([{ type: 'value_error', path: [], message: 'Value error, Stream options can only be defined when `stream=True`.' }]);
  }
  const { include_usage: usage, continuous_usage_stats: continuous } = request.stream_options ?? {};
  return {
    model: request.model ?? undefined,
    n,
    sampling,
    ignoreEnd: request.ignore_eos ?? false,
    stop: {
      stop,
      includeStopStrings: request.include_stop_str_in_output ?? false,
      stopTokenIds: request.stop_token_ids ?? [],
      minTokens,
    },
    stream: request.stream ?? false,
    includeUsage: usage ?? false,
    continuousUsage: (usage ?? false) && (continuous ?? false),
  };
}

interface Checked {
  n: number;
  minTokens: number;
  maxTokens: number | undefined;
  stop: readonly string[];
  isGreedy: boolean;
}

/** Messages as vLLM's `sampling_params.py` has them. */
function checkRanges(request: Common, { n, minTokens, maxTokens, stop, isGreedy }: Checked): void {
  const check = (name: string, value: number | null | undefined, isFine: (value: number) => boolean, must: string, param?: string) => {
    if (value !== null && value !== undefined && !isFine(value)) throw badRequest(`${name} must be ${must}, got ${value}.`, param ?? null);
  };
  check('n', n, (value) => value >= 1, 'at least 1', 'n');
  check('n', n, (value) => value <= mostSamples, `at most ${mostSamples}`, 'n');
  check('presence_penalty', request.presence_penalty, within(-2, 2), 'in [-2, 2]');
  check('frequency_penalty', request.frequency_penalty, within(-2, 2), 'in [-2, 2]');
  check('repetition_penalty', request.repetition_penalty, (value) => value > 0, 'greater than zero');
  check('temperature', request.temperature, (value) => value >= 0, 'non-negative', 'temperature');
  check('temperature', request.temperature, (value) => value <= 2, 'in [0, 2]', 'temperature');
  check('top_p', request.top_p, (value) => value > 0 && value <= 1, 'in (0, 1]', 'top_p');
  check('top_k', request.top_k, (value) => value >= -1, '0 (disable), or at least 1');
  check('min_p', request.min_p, within(0, 1), 'in [0, 1]');
  check('max_tokens', maxTokens, (value) => value >= 1, 'at least 1', 'max_tokens');
  check('min_tokens', minTokens, (value) => value >= 0, 'greater than or equal to 0');
  if (maxTokens !== undefined)
    check('min_tokens', minTokens, (value) => value <= maxTokens, `less than or equal to max_tokens=${maxTokens}`);
  if (stop.length > mostStopStrings) throw badRequest(`stop must have at most ${mostStopStrings} strings, got ${stop.length}.`, 'stop');
  if (stop.includes('')) throw badRequest('stop cannot contain an empty string.');
  if (isGreedy && n > 1) throw badRequest(`n must be 1 when using greedy sampling, got ${n}.`);
}

const within = (least: number, greatest: number) => (value: number) => value >= least && value <= greatest;

/** Known to vLLM; refused here unless they ask for nothing. `best_of` is not among them: vLLM ignores it. */
const unsupported = [
  'response_format',
  'structured_outputs',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'use_beam_search',
  'logit_bias',
  'prompt_logprobs',
  'logprob_token_ids',
  'truncate_prompt_tokens',
  'allowed_token_ids',
  'bad_words',
  'prompt_embeds',
  'return_token_ids',
  'repetition_detection',
];
const unsupportedInChat = [
  'logprobs',
  'echo',
  'continue_final_message',
  'add_generation_prompt',
  'documents',
  'chat_template',
  'chat_template_kwargs',
  'mm_processor_kwargs',
];

function refuseUnsupported(body: Record<string, unknown>, names: readonly string[]): void {
  for (const name of names) {
    if (isNothing(body[name])) continue;
    if (name === 'suffix') throw badRequest('suffix is not currently supported', name);
    throw badRequest(`${name} is not supported by the engines of cpu-model-server`, name);
  }
}

/** Values that ask for what is done anyway. */
function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (typeof value !== 'object') return false;
  return Object.keys(value).length === 0 || ('type' in value && value.type === 'text');
}

function refuseTools(body: Record<string, unknown>): void {
  const { tools, tool_choice: choice } = body;
  const asked = choice ?? (isNothing(tools) ? 'none' : 'auto');
  if (asked === 'none') return;
  if (asked === 'auto') throw badRequest('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set');
  throw badRequest('this tool_choice requires --tool-call-parser to be set');
}

const badRequest = (text: string, param: string | null = null) => new VllmError('BadRequestError', text, param);

interface SchemaProblem {
  type: string;
  path: readonly PropertyKey[];
  message: string;
}

/** In the words of vLLM's validation, but for what was sent. */
export function schemaError(problems: readonly SchemaProblem[]): VllmError {
  const lines = problems.map(({ type, path, message: text }) => {
    const place = ['body', ...path].map((part) => (typeof part === 'number' ? String(part) : `'${String(part)}'`));
    return `  {'type': '${type}', 'loc': (${place.join(', ')}${place.length === 1 ? ',' : ''}), 'msg': '${text}'}`;
  });
  return new VllmError('Bad Request', `${problems.length} validation error${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`);
}

/** @throws VllmError 400 with every problem */
function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw schemaError(
    result.error.issues.map(({ code, path, message: text }) => {
      const isMissing = code === 'invalid_type' && isAbsent(body, path);
      return { type: isMissing ? 'missing' : code, path, message: isMissing ? 'Field required' : text };
    }),
  );
}

function isAbsent(body: unknown, path: readonly PropertyKey[]): boolean {
  const value = path.reduce<unknown>((inside, key) => (inside as Record<PropertyKey, unknown> | undefined)?.[key], body);
  return value === undefined;
}
