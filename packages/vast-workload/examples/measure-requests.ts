import { completionTokens, countInputs, countInputTokens, countRerankTokens } from '@bluefly/vast-workload';

const embeddings = { input: ['What is due?', 'Thirty days after delivery.'] };
console.log(countInputs(embeddings)); // 2
console.log(countInputTokens(embeddings, { maxInputTokens: 512 })); // 10

const chat = { messages: [{ role: 'user', content: 'Summarise this.' }], max_completion_tokens: 200, n: 2 };
console.log(completionTokens(chat)); // 400

const rerank = { query: 'payment terms', documents: ['Thirty days after delivery.', 'No warranty.'] };
console.log(countRerankTokens(rerank)); // 14

console.log(countInputs({ question: 'not an embeddings body' })); // NaN: the worker takes its default workload
