import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OptionsError } from './options.ts';

/** The little of `@huggingface/transformers` that the engine `onnx` uses. It is installed apart, so its own types may be absent. */

export interface Library {
  env: {
    allowRemoteModels: boolean;
    allowLocalModels: boolean;
    remoteHost: string;
    cacheDir: string;
    logLevel: number;
    fetch: typeof fetch;
  };
  AutoTokenizer: { from_pretrained(model: string, options: LoadOptions): Promise<LibraryTokenizer> };
  AutoModel: { from_pretrained(model: string, options: LoadOptions): Promise<LibraryModel> };
  AutoModelForSequenceClassification: { from_pretrained(model: string, options: LoadOptions): Promise<LibraryModel> };
  AutoModelForCausalLM: { from_pretrained(model: string, options: LoadOptions): Promise<GeneratingModel> };
  Tensor: new (type: 'int64', data: BigInt64Array, dims: number[]) => LibraryTensor;
}

export interface LoadOptions {
  progress_callback: (event: ProgressEvent) => void;
  dtype?: string;
  device?: 'cpu';
}

export interface ProgressEvent {
  status: string;
  file?: string;
  /** 0 to 100. */
  progress?: number;
}

export interface LibraryTensor {
  data: Float32Array;
  dims: number[];
}

export interface LibraryTokenizer {
  (text: string, options: { text_pair?: string; return_tensor: false }): { input_ids: number[]; token_type_ids?: number[] };
  encode(text: string, options: { add_special_tokens: boolean }): number[];
  decode(ids: readonly number[], options: { skip_special_tokens: boolean }): string;
  apply_chat_template(messages: readonly object[], options: { tokenize: false; add_generation_prompt: true }): string;
  readonly all_special_ids: number[];
  readonly model_max_length: number;
  readonly chat_template: unknown;
}

export interface ModelConfig {
  model_type?: string;
  architectures?: string[];
  vocab_size?: number;
  max_position_embeddings?: number;
  eos_token_id?: number | number[] | null;
}

export interface LibraryModel {
  (inputs: Record<string, LibraryTensor>): Promise<Record<string, LibraryTensor | undefined>>;
  readonly config: ModelConfig;
}

export interface GeneratingModel extends LibraryModel {
  readonly generation_config: {
    eos_token_id?: number | number[] | null;
    temperature?: number;
    top_p?: number;
    top_k?: number;
    repetition_penalty?: number;
  } | null;
  generate(settings: {
    input_ids: LibraryTensor;
    attention_mask: LibraryTensor;
    max_new_tokens: number;
    do_sample: false;
    repetition_penalty: 1;
    /** Changes the logits of the next token, or replaces them. */
    logits_processor: ((ids: bigint[][], logits: LibraryTensor) => LibraryTensor)[];
    /** Asked after each token: is this sequence done? */
    stopping_criteria: ((ids: bigint[][]) => boolean[])[];
    streamer: { put(ids: bigint[][]): void; end(): void };
  }): Promise<unknown>;
}

const folder = new URL('../onnx/', import.meta.url);

/** @throws OptionsError that says how to install it */
export async function importLibrary(): Promise<Library> {
  const entry = new URL('library.js', folder).href;
  try {
    return (await import(entry)) as Library;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' && !/Cannot find (package|module)|Failed to resolve/i.test(message)) throw error;
    throw new OptionsError(
      '--engine onnx: expected the package @huggingface/transformers, found none. It is installed apart (half a gigabyte):\n' +
        `  ${installCommand()}`,
    );
  }
}

/** In the repository from the lockfile beside it, elsewhere as any package. */
export function installCommand(): string {
  const isRepository = existsSync(new URL('package-lock.json', folder));
  return isRepository ? `npm ci --ignore-scripts --prefix ${fileURLToPath(folder)}` : 'npm install @huggingface/transformers@4';
}
