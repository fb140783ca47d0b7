import type { RerankEngine } from './engine.ts';
import { mostTokensOf, toTensor } from './onnx-embedding.ts';
import type { LibraryTokenizer } from './onnx-library.ts';
import { type Loading, load, type ModelSource, openSource } from './onnx-load.ts';
import { createOnnxTokenizer } from './onnx-tokenizer.ts';
import { ModelError } from './server.ts';

/** A cross-encoder: query and document are read together. @throws ModelError, OptionsError, AbortError */
export async function loadOnnxReranker(source: ModelSource, loading: Loading): Promise<RerankEngine> {
  const { library, name, options } = await openSource(source, loading);
  const step = <Value>(what: string, run: () => Promise<Value>) => load(what, source, loading, run);
  const tokenizer = await step('tokenizer', () => library.AutoTokenizer.from_pretrained(name, options));
  const model = await step('model', () => library.AutoModelForSequenceClassification.from_pretrained(name, options));

  async function score(query: string, document: string, limit: number): Promise<number> {
    const { ids, types } = cutPair(encodePair(tokenizer, query, document), limit);
    const { logits } = await model({
      input_ids: toTensor(library, ids),
      attention_mask: toTensor(
        library,
        ids.map(() => 1),
      ),
      ...(types ? { token_type_ids: toTensor(library, types) } : {}),
    });
    if (logits?.data.length !== 1)
      throw new ModelError(`the model gives ${logits?.data.length ?? 'no'} scores per pair: a reranker gives 1`);
    return logits.data[0] as number;
  }

  await step('first run', () => score('warm', 'up', 8));
  return {
    name: 'onnx',
    description: `onnx engine: ${model.config.model_type ?? 'a model'} through @huggingface/transformers`,
    ...mostTokensOf(model, tokenizer.model_max_length),
    tokenizer: createOnnxTokenizer(tokenizer),
    countPair: (query, document) => encodePair(tokenizer, query, document).ids.length,
    async rerank(query, documents, limit) {
      const scores: number[] = [];
      for (const document of documents) scores.push(await score(query, document, limit));
      return scores;
    },
  };
}

interface EncodedPair {
  ids: number[];
  /** 0 for the query, 1 for the document; undefined: the tokenizer does not tell them apart. */
  types: number[] | undefined;
}

function encodePair(tokenizer: LibraryTokenizer, query: string, document: string): EncodedPair {
  const { input_ids, token_type_ids } = tokenizer(query, { text_pair: document, return_tensor: false });
  return { ids: input_ids, types: token_type_ids };
}

/** Takes from the end of the document; the special token after it stays. */
function cutPair({ ids, types }: EncodedPair, limit: number): EncodedPair {
  if (ids.length <= limit) return { ids, types };
  const cut = (list: number[]) => [...list.slice(0, limit - 1), list.at(-1) as number];
  return { ids: cut(ids), types: types && cut(types) };
}
