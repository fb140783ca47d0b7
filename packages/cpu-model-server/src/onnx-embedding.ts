import type { EmbeddingEngine, EngineInput } from './engine.ts';
import type { Library, LibraryModel, LibraryTensor } from './onnx-library.ts';
import { type Loading, load, type ModelSource, openSource } from './onnx-load.ts';
import { createOnnxTokenizer } from './onnx-tokenizer.ts';
import { ModelError } from './server.ts';

export type Pooling = 'mean' | 'cls' | 'last-token';

/** @param asked undefined: as the model says, else mean. @throws ModelError, OptionsError, AbortError */
export async function loadOnnxEmbedding(source: ModelSource, asked: Pooling | undefined, loading: Loading): Promise<EmbeddingEngine> {
  const { library, name, options, readJson } = await openSource(source, loading);
  const step = <Value>(what: string, run: () => Promise<Value>) => load(what, source, loading, run);
  const pooling = asked ?? (await step('pooling', async () => poolingOf(await readJson('1_Pooling/config.json'))));
  const tokenizer = await step('tokenizer', () => library.AutoTokenizer.from_pretrained(name, options));
  const model = await step('model', () => library.AutoModel.from_pretrained(name, options));
  const tokens = createOnnxTokenizer(tokenizer);
  const embedAll = async (input: EngineInput) => rows(await hiddenStates(library, model, tokens.ids(input)));
  const embed = async (input: EngineInput) => pool(await embedAll(input), pooling);
  const { length: dimensions } = await step('first run', () => embed('warm up'));
  return {
    name: 'onnx',
    description: `onnx engine: ${model.config.model_type ?? 'a model'} through @huggingface/transformers`,
    ...mostTokensOf(model, tokenizer.model_max_length),
    tokenizer: tokens,
    dimensions,
    pooling,
    embed,
    embedAll,
  };
}

/** The smaller of what model and tokenizer say; nonsense of either is left out. */
export function mostTokensOf({ config }: LibraryModel, tokenizerMost = Infinity): { mostTokens?: number } {
  const mostTokens = Math.min(config.max_position_embeddings ?? Infinity, tokenizerMost);
  return Number.isSafeInteger(mostTokens) && mostTokens < 1e9 ? { mostTokens } : {};
}

export function toTensor({ Tensor }: Library, ids: readonly number[]): LibraryTensor {
  return new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
}

async function hiddenStates(library: Library, model: LibraryModel, ids: readonly number[]): Promise<LibraryTensor> {
  const mask = ids.map(() => 1);
  const outputs = await model({ input_ids: toTensor(library, ids), attention_mask: toTensor(library, mask) });
  const states = outputs.last_hidden_state ?? outputs.token_embeddings;
  if (!states) throw new ModelError('the model gives no vectors of tokens (last_hidden_state): it is none for embeddings');
  return states;
}

function rows({ data, dims }: LibraryTensor): Float32Array[] {
  const [, count, width] = dims as [number, number, number];
  return Array.from({ length: count }, (_, row) => data.slice(row * width, (row + 1) * width));
}

export function pool(vectors: readonly Float32Array[], pooling: Pooling): Float32Array {
  if (pooling === 'cls') return vectors[0] as Float32Array;
  if (pooling === 'last-token') return vectors.at(-1) as Float32Array;
  const sum = new Float32Array((vectors[0] as Float32Array).length);
  for (const vector of vectors) vector.forEach((value, place) => (sum[place] = (sum[place] as number) + value / vectors.length));
  return sum;
}

/** Of a Sentence Transformers `1_Pooling/config.json`. @throws ModelError for kinds of pooling that are not here */
export function poolingOf(config: unknown): Pooling {
  if (typeof config !== 'object' || config === null) return 'mean';
  const modes = Object.entries(config).filter(([name, value]) => name.startsWith('pooling_mode_') && value === true);
  const [mode, ...more] = modes.map(([name]) => poolingModes[name]);
  if (modes.length === 0) return 'mean';
  if (!mode || more.length > 0)
    throw new ModelError(`pools by ${modes.map(([name]) => name).join(' and ')}, which is not here: --pooling chooses`);
  return mode;
}

const poolingModes: Record<string, Pooling> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_lasttoken: 'last-token',
};
