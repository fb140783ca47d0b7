import type { Embedding } from './embedding-cache.ts';

/** How one API of embeddings names its items, and how its answers come apart and together again. */
export interface Dialect {
  path: string;
  itemsField: string;
  /** Merges the JSON of answered parts; `starts` are the first item's index of each. */
  merge(answers: readonly unknown[], starts: readonly number[]): unknown;
  /** One for each item, in order; undefined: not an answer of this API. */
  embeddingsOf(answer: unknown): Embedding[] | undefined;
  /** That an answer says were computed; 0 where it says so in headers only. */
  tokensOf(answer: unknown): number;
  /** JSON of an answer with these. @param tokens that were computed for it */
  answerOf(embeddings: readonly Embedding[], tokens: number): string;
}

interface OpenAiAnswer {
  data: { index: number; embedding: unknown }[];
  usage: { prompt_tokens: number; total_tokens: number };
}

export const openAiDialect: Dialect = {
  path: '/v1/embeddings',
  itemsField: 'input',
  merge(answers, starts) {
    const parts = answers as OpenAiAnswer[];
    return {
      ...parts[0],
      data: parts.flatMap((part, index) => part.data.map((item) => ({ ...item, index: item.index + (starts[index] as number) }))),
      usage: {
        prompt_tokens: parts.reduce((sum, { usage }) => sum + usage.prompt_tokens, 0),
        total_tokens: parts.reduce((sum, { usage }) => sum + usage.total_tokens, 0),
      },
    };
  },
  embeddingsOf(answer) {
    const { data, usage: _usage, ...others } = (answer ?? {}) as Partial<OpenAiAnswer>;
    if (!Array.isArray(data) || !data.every((item, place) => item?.index === place && item.embedding !== undefined)) return undefined;
    const frame = JSON.stringify(others);
    return data.map(({ index: _index, ...item }) => ({ text: JSON.stringify(item), frame, isBroken: isBroken(item.embedding) }));
  },
  tokensOf: (answer) => (answer as OpenAiAnswer).usage.total_tokens,
  answerOf(embeddings, tokens) {
    const data = embeddings.map(({ text }, index) => `${text.slice(0, -1)},"index":${index}}`);
    const frame = embeddings[0]?.frame ?? '{}';
    const start = frame === '{}' ? '{' : `${frame.slice(0, -1)},`;
    return `${start}"data":[${data.join(',')}],"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
  },
};

export const teiDialect: Dialect = {
  path: '/embed',
  itemsField: 'inputs',
  merge: (answers) => answers.flat(),
  embeddingsOf: (answer) =>
    Array.isArray(answer) && answer.every(Array.isArray)
      ? answer.map((vector) => ({ text: JSON.stringify(vector), frame: '', isBroken: isBroken(vector) }))
      : undefined,
  tokensOf: () => 0,
  answerOf: (embeddings) => `[${embeddings.map(({ text }) => text).join(',')}]`,
};

/** NaN and infinities are null in JSON. */
const isBroken = (vector: unknown) => Array.isArray(vector) && vector.includes(null);
