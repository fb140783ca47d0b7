import type { Delta, Finish } from './vllm-deltas.ts';

/** The shapes of vLLM's answers. Whole answers write their null fields out; chunks have only what was set. */

export interface Usage {
  promptTokens: number;
  generatedTokens: number;
}

export interface AnswerHead {
  id: string;
  /** Seconds since 1970. */
  created: number;
  model: string;
  fingerprint: string;
}

/** How the answers of one route look. */
export interface AnswerShapes {
  idPrefix: 'cmpl' | 'chatcmpl';
  /** As vLLM's log names the part that failed in the midst of a stream. */
  streamName: string;
  /** Sent once per choice before its text; undefined: nothing is. */
  opening: ((head: AnswerHead, index: number) => object) | undefined;
  chunk: (head: AnswerHead, index: number, delta: Delta, text: string) => object;
  usageChunk: (head: AnswerHead, usage: Usage) => object;
  whole: (head: AnswerHead, choices: readonly Choice[], usage: Usage) => object;
}

export interface Choice {
  text: string;
  finish: Finish;
}

export const completionShapes: AnswerShapes = {
  idPrefix: 'cmpl',
  streamName: 'completion',
  opening: undefined,
  chunk: ({ id, created, model }, index, { finish }, text) => ({
    id,
    object: 'text_completion',
    created,
    model,
    choices: [{ index, text, logprobs: null, ...finishFields(finish), prompt_token_ids: null, token_ids: null }],
  }),
  usageChunk: (head, usage) => usageChunk('text_completion', head, usage),
  whole: (head, choices, usage) => ({
    id: head.id,
    object: 'text_completion',
    created: head.created,
    model: head.model,
    choices: choices.map(({ text, finish }, index) => ({
      index,
      text,
      logprobs: null,
      ...finishFields(finish),
      token_ids: null,
      prompt_logprobs: null,
      prompt_token_ids: null,
      routed_experts: null,
    })),
    service_tier: null,
    system_fingerprint: head.fingerprint,
    usage: usageBody(usage),
    ...nothingTransferred,
  }),
};

export const chatShapes: AnswerShapes = {
  idPrefix: 'chatcmpl',
  streamName: 'chat completion',
  opening: (head, index) => ({
    ...chatChunk(head, [{ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }]),
    prompt_token_ids: null,
    prompt_text: null,
  }),
  chunk: (head, index, { finish }, content) => {
    const ending = finish ? finishFields(finish) : { finish_reason: null };
    return chatChunk(head, [{ index, delta: { content }, logprobs: null, ...ending, token_ids: null }]);
  },
  usageChunk: (head, usage) => usageChunk('chat.completion.chunk', head, usage),
  whole: (head, choices, usage) => ({
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: choices.map(({ text, finish }, index) => ({
      index,
      message: {
        role: 'assistant',
        content: text,
        refusal: null,
        annotations: null,
        audio: null,
        function_call: null,
        reasoning: null,
      },
      logprobs: null,
      ...finishFields(finish),
      token_ids: null,
      routed_experts: null,
    })),
    service_tier: null,
    system_fingerprint: head.fingerprint,
    usage: usageBody(usage),
    prompt_logprobs: null,
    prompt_token_ids: null,
    prompt_text: null,
    ...nothingTransferred,
  }),
};

const nothingTransferred = { kv_transfer_params: null, ec_transfer_params: null, metrics: null };

const finishFields = (finish: Finish | undefined) => ({ finish_reason: finish?.reason ?? null, stop_reason: finish?.stopReason ?? null });

const chatChunk = ({ id, created, model }: AnswerHead, choices: object[]) => ({
  id,
  object: 'chat.completion.chunk',
  created,
  model,
  choices,
});

/** Null fields are left out of this one. */
const usageChunk = (object: string, { id, created, model, fingerprint }: AnswerHead, usage: Usage) => ({
  id,
  object,
  created,
  model,
  choices: [],
  usage: chunkUsage(usage),
  system_fingerprint: fingerprint,
});

export const chunkUsage = ({ promptTokens, generatedTokens }: Usage) => ({
  prompt_tokens: promptTokens,
  total_tokens: promptTokens + generatedTokens,
  completion_tokens: generatedTokens,
});

const usageBody = (usage: Usage) => ({ ...chunkUsage(usage), prompt_tokens_details: null, completion_tokens_details: null });
