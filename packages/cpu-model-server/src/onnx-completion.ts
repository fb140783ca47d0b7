import type { ChatMessage, CompletionEngine, CompletionSettings, CompletionToken } from './engine.ts';
import { IncrementalText } from './incremental-text.ts';
import { mostTokensOf, toTensor } from './onnx-embedding.ts';
import type { GeneratingModel, Library, LibraryTensor, LibraryTokenizer } from './onnx-library.ts';
import { type Loading, load, type ModelSource, openSource } from './onnx-load.ts';
import { seededRandom } from './random.ts';
import { chooseToken } from './sampling.ts';
import { ModelError } from './server.ts';

/** A causal language model, token by token. @throws ModelError, OptionsError, AbortError */
export async function loadOnnxCompletion(source: ModelSource, loading: Loading): Promise<CompletionEngine> {
  const { library, name, options } = await openSource(source, loading);
  const step = <Value>(what: string, run: () => Promise<Value>) => load(what, source, loading, run);
  const tokenizer = await step('tokenizer', () => library.AutoTokenizer.from_pretrained(name, options));
  const model = await step('model', () => library.AutoModelForCausalLM.from_pretrained(name, options));
  const { config, generation_config: defaults } = model;
  const vocabularySize = config.vocab_size;
  if (vocabularySize === undefined) throw new ModelError(`config of ${JSON.stringify(source.model)}: vocab_size is missing`);
  const ends = [defaults?.eos_token_id ?? config.eos_token_id ?? []].flat();
  return {
    name: 'onnx',
    description: `onnx engine: ${config.model_type ?? 'a model'} through @huggingface/transformers`,
    architecture: config.architectures?.[0] ?? config.model_type ?? 'unknown',
    ...mostTokensOf(model),
    samplingDefaults: {
      ...(defaults?.temperature === undefined ? {} : { temperature: defaults.temperature }),
      ...(defaults?.top_p === undefined ? {} : { topP: defaults.top_p }),
      ...(defaults?.top_k === undefined ? {} : { topK: defaults.top_k }),
      ...(defaults?.repetition_penalty === undefined ? {} : { repetitionPenalty: defaults.repetition_penalty }),
    },
    encode: (text, addSpecialTokens) => tokenizer.encode(text, { add_special_tokens: addSpecialTokens }),
    tokenTexts: (ids) => ids.map((id) => tokenizer.decode([id], { skip_special_tokens: false })),
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode(ids, { skip_special_tokens: false })),
    hasToken: (id) => id < vocabularySize,
    renderChat: (messages) => renderChat(tokenizer, messages),
    complete: (prompt, settings, signal) => complete({ library, model, tokenizer, ends }, prompt, settings, signal),
  };
}

function renderChat(tokenizer: LibraryTokenizer, messages: readonly ChatMessage[]): string | undefined {
  if (!tokenizer.chat_template) return undefined;
  return tokenizer.apply_chat_template(messages, { tokenize: false, add_generation_prompt: true });
}

interface Parts {
  library: Library;
  model: GeneratingModel;
  tokenizer: LibraryTokenizer;
  ends: readonly number[];
}

/** The library pushes tokens; they wait here until somebody takes them. */
async function* complete(
  { library, model, tokenizer, ends }: Parts,
  prompt: readonly number[],
  settings: CompletionSettings,
  signal: AbortSignal,
): AsyncGenerator<CompletionToken> {
  const waiting: number[] = [];
  let isPromptToCome = true;
  let isDone = false;
  let wake = Promise.withResolvers<void>();
  const next = () => {
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const streamer = {
    put(ids: bigint[][]) {
      if (isPromptToCome) isPromptToCome = false;
      else waiting.push(Number(ids[0]?.[0]));
      next();
    },
    end() {},
  };
  const stop = new AbortController();
  const any = AbortSignal.any([signal, stop.signal]);
  const run = model
    .generate({
      input_ids: toTensor(library, prompt),
      attention_mask: toTensor(
        library,
        prompt.map(() => 1),
      ),
      max_new_tokens: settings.maxTokens,
      do_sample: false,
      repetition_penalty: 1,
      logits_processor: [chooser(prompt, settings, ends)],
      stopping_criteria: [() => [any.aborted]],
      streamer,
    })
    .finally(() => {
      isDone = true;
      next();
    });
  run.catch(() => {}); // it is awaited below, unless whoever takes the tokens leaves before
  const text = new IncrementalText((ids) => tokenizer.decode(ids, { skip_special_tokens: true }));
  let given = 0;
  try {
    for (;;) {
      signal.throwIfAborted();
      const id = waiting.shift();
      if (id === undefined) {
        if (isDone) break;
        await wake.promise;
        continue;
      }
      given += 1;
      const isEnd = ends.includes(id);
      const isLast = isEnd || given === settings.maxTokens;
      yield { id, text: (isEnd ? '' : text.push(id)) + (isLast ? text.rest() : ''), isEnd };
      if (isEnd) return;
    }
    await run;
  } finally {
    stop.abort();
  }
}

/** Chooses the token itself, by vLLM's rules, and leaves the library no other choice. */
function chooser(prompt: readonly number[], settings: CompletionSettings, ends: readonly number[]) {
  const { seed } = settings;
  const random = seed === undefined ? Math.random : seededRandom(seed + settings.sample);
  const state = { prompt: new Set(prompt), generated: new Map<number, number>() };
  let made = 0;
  return (_: bigint[][], logits: LibraryTensor): LibraryTensor => {
    const banned = settings.ignoreEnd || made < settings.minTokens ? ends : [];
    const id = chooseToken(logits.data, settings, { ...state, banned }, random);
    state.generated.set(id, (state.generated.get(id) ?? 0) + 1);
    made += 1;
    logits.data.fill(-Infinity);
    logits.data[id] = 0;
    return logits;
  };
}
