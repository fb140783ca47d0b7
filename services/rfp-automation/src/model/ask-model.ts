import { type CallModel, WorkerError } from '@bluefly/vast-worker';
import { chatCompletionStream, type Options } from '@huggingface/inference';
import { RequirementsError } from '../errors.ts';
import { type Extraction, extractionMessages, extractionSchema, responseFormat } from './extraction-prompt.ts';

/** One question to the model, as a stream, so that a server that dies is noticed at once. */

export interface Question {
  /** Headings above the passage, the highest first. */
  section: readonly string[];
  passage: string;
  maxTokens: number;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

/** Why an answer cannot be used: cut off, no JSON of the shape that was asked for, or the question was longer than the context. */
export const unusableReasons = ['length', 'invalid', 'context'] as const;
export type UnusableReason = (typeof unusableReasons)[number];

export type ModelAnswer = ({ ok: true; extraction: Extraction } | { ok: false; reason: UnusableReason }) & { usage: Usage };

export type AskModel = (question: Question) => Promise<ModelAnswer>;

/**
 * Asks through `callModel`, under the ticket of the request it belongs to.
 * @throws WorkerError as `callModel` does, also when the stream breaks off; RequirementsError MODEL_REFUSED; the signal's reason
 */
export function createAskModel(callModel: CallModel, signal: AbortSignal): AskModel {
  const options = { fetch: modelFetch(callModel), signal, retry_on_error: false }; // by default it repeats a 503 without pause and without end
  return async (question) => {
    try {
      return await readAnswer(question, options);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ContextTooShort) return { ok: false, reason: 'context', usage: noUsage };
      if (error instanceof WorkerError || error instanceof RequirementsError) throw error;
      throw brokenOff(); // without its cause: errors of the client carry the request's body
    }
  };
}

/** Only the path of what the client asks for is used. */
const placeholderOrigin = 'http://model-server';

const noUsage: Usage = { prompt_tokens: 0, completion_tokens: 0 };

class ContextTooShort extends Error {}

const brokenOff = () => new WorkerError('MODEL_SERVER_UNREACHABLE', 'the answer broke off');

/** A `fetch` for the client. It never sees a refusal: it would put the document into its error. */
const modelFetch =
  (callModel: CallModel): typeof fetch =>
  async (input, init) => {
    const { model: _endpoint, ...json } = JSON.parse(init?.body as string) as Record<string, unknown>; // its own URL, when none is named
    const answer = await callModel(new URL(input as string).pathname, { json });
    if (answer.ok) return answer;
    const text = await answer.text();
    if (answer.status === 400 && text.includes('maximum context length')) throw new ContextTooShort();
    throw new RequirementsError('MODEL_REFUSED', `status ${answer.status}`);
  };

async function readAnswer({ section, passage, maxTokens }: Question, options: Options): Promise<ModelAnswer> {
  const stream = chatCompletionStream(
    {
      endpointUrl: placeholderOrigin,
      messages: extractionMessages(section, passage),
      max_tokens: maxTokens,
      temperature: 0,
      response_format: responseFormat,
      stream_options: { include_usage: true },
    },
    options,
  );
  let text = '';
  let finish: string | undefined;
  let usage = noUsage;
  for await (const chunk of stream) {
    const [choice] = chunk.choices;
    text += choice?.delta.content ?? '';
    finish = choice?.finish_reason ?? finish;
    if (chunk.usage) usage = { prompt_tokens: chunk.usage.prompt_tokens, completion_tokens: chunk.usage.completion_tokens };
    if (text.length > maxTokens * longestToken) return { ok: false, reason: 'length', usage };
  }
  if (finish === 'length') return { ok: false, reason: 'length', usage };
  if (finish !== 'stop') throw brokenOff();
  const extraction = parseExtraction(text);
  return extraction ? { ok: true, extraction, usage } : { ok: false, reason: 'invalid', usage };
}

/** In UTF-16 code units: a server that keeps to `max_tokens` never writes so much. */
const longestToken = 256;

function parseExtraction(text: string): Extraction | undefined {
  try {
    return extractionSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
