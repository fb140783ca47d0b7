import { completionTokens, countDocuments, countInputs } from '@bluefly/vast-workload';

/** Routes of the usual model servers: their measure of work, and a payload to benchmark them with. */

type Payload = Record<string, unknown>;

export interface KnownRoute {
  /** Used when the handler has no calculator: inputs, documents, or completion tokens (256 when the body sets none). */
  workloadCalculator: (payload: Payload) => number;
  benchmarkPayload: () => Payload;
}

/** About 60 words, so that a benchmark measures texts of the length that services see. */
const sampleText =
  'The supplier shall keep audit logs of every access to customer data for at least twelve months, protect them ' +
  'against alteration, and hand them over within five working days of a written request. Logs name the person, the ' +
  'time, the system and the records touched. Copies are encrypted at rest, and the keys are rotated once a year.';

const embeddings: KnownRoute = {
  workloadCalculator: countInputs,
  benchmarkPayload: () => ({ input: Array.from({ length: 8 }, (_, index) => `${index}. ${sampleText}`) }),
};
const embed: KnownRoute = {
  workloadCalculator: countInputs,
  benchmarkPayload: () => ({ inputs: Array.from({ length: 8 }, (_, index) => `${index}. ${sampleText}`) }),
};
const completions: KnownRoute = {
  workloadCalculator: (payload) => completionTokens(payload, 256),
  benchmarkPayload: () => ({ prompt: sampleText, max_tokens: 64 }),
};
const chatCompletions: KnownRoute = {
  workloadCalculator: (payload) => completionTokens(payload, 256),
  benchmarkPayload: () => ({ messages: [{ role: 'user', content: sampleText }], max_tokens: 64 }),
};
const rerankTexts: KnownRoute = {
  workloadCalculator: countDocuments,
  benchmarkPayload: () => ({ query: 'How long are audit logs kept?', texts: documents() }),
};
const rerankDocuments: KnownRoute = {
  workloadCalculator: countDocuments,
  benchmarkPayload: () => ({ query: 'How long are audit logs kept?', documents: documents() }),
};

export const knownRoutes: ReadonlyMap<string, KnownRoute> = new Map([
  ['/v1/embeddings', embeddings],
  ['/embeddings', embeddings],
  ['/embed', embed],
  ['/v1/completions', completions],
  ['/v1/chat/completions', chatCompletions],
  ['/rerank', rerankTexts],
  ['/v1/rerank', rerankDocuments],
  ['/v2/rerank', rerankDocuments],
]);

const documents = () => Array.from({ length: 8 }, (_, index) => `${index}. ${sampleText}`);
