import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ModelKind } from '../../src/options.ts';
import { seededRandom } from '../../src/random.ts';
import { type Graph, onnxModel, type Weights } from './onnx-writer.ts';

/**
 * `node make-tiny-model.ts embedding|reranker|generation FOLDER`: a model of a few kilobytes with random weights, in the files and
 * shapes that exported models have. The same weights everywhere. Its tokens are bytes.
 */
export async function makeTinyModel(kind: ModelKind, folder: string): Promise<void> {
  const files: Record<string, unknown> = {
    'config.json': configs[kind],
    'tokenizer.json': tokenizer(kind),
    'tokenizer_config.json': tokenizerConfig(kind),
    'onnx/model.onnx': onnxModel(graphs[kind]()),
    ...(kind === 'generation' ? { 'generation_config.json': { eos_token_id: endId } } : {}),
    ...(kind === 'embedding' ? { '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false } } : {}),
  };
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.isBuffer(content) ? content : JSON.stringify(content));
  }
}

const width = 8;
const specials = ['<|end|>', '[CLS]', '[SEP]', '<|user|>', '<|assistant|>'];
const endId = 256;
const vocabularySize = 256 + specials.length;

const bert = { model_type: 'bert', hidden_size: width, vocab_size: vocabularySize, max_position_embeddings: 64 };
const configs: Record<ModelKind, object> = {
  embedding: { ...bert, architectures: ['BertModel'] },
  reranker: { ...bert, architectures: ['BertForSequenceClassification'], id2label: { 0: 'LABEL_0' } },
  generation: {
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    hidden_size: width,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    head_dim: width,
    vocab_size: vocabularySize,
    max_position_embeddings: 256,
    eos_token_id: endId,
  },
};

const graphs: Record<ModelKind, () => Graph> = {
  /** tanh(embedding · weights) */
  embedding: () => ({
    nodes: [
      { op: 'Gather', inputs: ['embeddings', 'input_ids'], outputs: ['x'] },
      { op: 'MatMul', inputs: ['x', 'mixing'], outputs: ['mixed'] },
      { op: 'Tanh', inputs: ['mixed'], outputs: ['last_hidden_state'] },
    ],
    weights: [weights('embeddings', [vocabularySize, width], 1), weights('mixing', [width, width], 2)],
    inputs: [idsInput('input_ids'), idsInput('attention_mask')],
    outputs: [{ name: 'last_hidden_state', type: 'float', dims: ['batch', 'sequence', width] }],
  }),

  /** The mean of tokens and of which text they are in, · weights */
  reranker: () => ({
    nodes: [
      { op: 'Gather', inputs: ['embeddings', 'input_ids'], outputs: ['x'] },
      { op: 'Gather', inputs: ['types', 'token_type_ids'], outputs: ['type'] },
      { op: 'Mul', inputs: ['x', 'type'], outputs: ['typed'] },
      { op: 'ReduceMean', inputs: ['typed'], outputs: ['mean'], attributes: { axes: [1], keepdims: 0 } },
      { op: 'MatMul', inputs: ['mean', 'scoring'], outputs: ['logits'] },
    ],
    weights: [weights('embeddings', [vocabularySize, width], 3), weights('types', [2, width], 4), weights('scoring', [width, 1], 5)],
    inputs: [idsInput('input_ids'), idsInput('attention_mask'), idsInput('token_type_ids')],
    outputs: [{ name: 'logits', type: 'float', dims: ['batch', 1] }],
  }),

  /** Every token adds the mean of all so far, which is kept as keys and values are: the next token depends on the whole text. */
  generation: () => ({
    nodes: [
      { op: 'Gather', inputs: ['embeddings', 'input_ids'], outputs: ['x'] },
      { op: 'Unsqueeze', inputs: ['x', 'axis'], outputs: ['head'] },
      { op: 'Concat', inputs: ['past_key_values.0.key', 'head'], outputs: ['present.0.key'], attributes: { axis: 2 } },
      { op: 'Concat', inputs: ['past_key_values.0.value', 'head'], outputs: ['present.0.value'], attributes: { axis: 2 } },
      { op: 'ReduceMean', inputs: ['present.0.value'], outputs: ['mean'], attributes: { axes: [2], keepdims: 1 } },
      { op: 'Squeeze', inputs: ['mean', 'axis'], outputs: ['context'] },
      { op: 'Add', inputs: ['x', 'context'], outputs: ['mixed'] },
      { op: 'MatMul', inputs: ['mixed', 'vocabulary'], outputs: ['scores'] },
      { op: 'Add', inputs: ['scores', 'bias'], outputs: ['logits'] },
    ],
    weights: [
      weights('embeddings', [vocabularySize, width], 6),
      weights('vocabulary', [width, vocabularySize], 7),
      { name: 'bias', dims: [vocabularySize], data: Float32Array.from({ length: vocabularySize }, (_, id) => (id === endId ? 3 : 0)) },
      { name: 'axis', dims: [1], data: BigInt64Array.of(1n) },
    ],
    inputs: [
      idsInput('input_ids'),
      { name: 'attention_mask', type: 'int64', dims: ['batch', 'total'] },
      { name: 'past_key_values.0.key', type: 'float', dims: ['batch', 1, 'past', width] },
      { name: 'past_key_values.0.value', type: 'float', dims: ['batch', 1, 'past', width] },
    ],
    outputs: [
      { name: 'logits', type: 'float', dims: ['batch', 'sequence', vocabularySize] },
      { name: 'present.0.key', type: 'float', dims: ['batch', 1, 'total', width] },
      { name: 'present.0.value', type: 'float', dims: ['batch', 1, 'total', width] },
    ],
  }),
};

const idsInput = (name: string) => ({ name, type: 'int64' as const, dims: ['batch', 'sequence'] });

function weights(name: string, dims: number[], seed: number): Weights {
  const random = seededRandom(seed);
  const size = dims.reduce((product, each) => product * each, 1);
  return { name, dims, data: Float32Array.from({ length: size }, () => random() * 2 - 1) };
}

function tokenizer(kind: ModelKind): object {
  const special = (content: string, index: number) => ({
    id: 256 + index,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map(special),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: kind === 'generation' ? byteLevel : framed,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries([...byteLetters(), ...specials].map((letter, id) => [letter, id])),
      merges: [],
    },
  };
}

/** [CLS] text [SEP], or [CLS] query [SEP] document [SEP] */
const framed = (() => {
  const mark = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const part = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const single = [mark('[CLS]', 0), part('A', 0), mark('[SEP]', 0)];
  const special_tokens = Object.fromEntries(['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [256 + specials.indexOf(id)], tokens: [id] }]));
  return { type: 'TemplateProcessing', single, pair: [...single, part('B', 1), mark('[SEP]', 1)], special_tokens };
})();

/** GPT-2's letters for the 256 bytes: what can be printed stands for itself, the others for what follows U+0100. */
function byteLetters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}

function tokenizerConfig(kind: ModelKind): object {
  if (kind !== 'generation')
    return { tokenizer_class: 'BertTokenizer', model_max_length: 48, pad_token: '[SEP]', sep_token: '[SEP]', cls_token: '[CLS]' };
  const chat_template =
    "{% for message in messages %}{% if message.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}" +
    '<|{{ message.role }}|>{{ message.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}';
  return { tokenizer_class: 'PreTrainedTokenizerFast', model_max_length: 256, eos_token: '<|end|>', pad_token: '<|end|>', chat_template };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [kind = '', folder = ''] = process.argv.slice(2);
  if (!Object.hasOwn(configs, kind) || folder === '') throw new Error('expected embedding, reranker or generation, and a folder');
  await makeTinyModel(kind as ModelKind, folder);
}
