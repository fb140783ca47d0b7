/** What `npm start` can bring up: each service behind the embedded model server that stands in for its real one. */

export interface LocalService {
  name: string;
  /** Added to the first worker port and to the first model port. */
  portOffset: number;
  /** Arguments of cpu-model-server. */
  model: readonly string[];
  /** What the service does not start without; the caller's environment wins. */
  env: Readonly<Record<string, string>>;
  /** One request for each thing it does. Payloads hold no apostrophe: they stand between two in a shell. */
  jobs: readonly Job[];
  /** What of the answers is not what a real model would say. */
  caveat: string;
}

export interface Job {
  title: string;
  path: string;
  payload: Record<string, unknown>;
}

export const services: readonly LocalService[] = [
  {
    name: 'agent-brain',
    portOffset: 0,
    model: ['--dialect', 'tei'],
    env: {},
    jobs: [
      {
        title: 'embeddings',
        path: '/v1/embeddings',
        payload: { input: ['The cat sat on the mat.', 'A cat is sitting on a rug.'] },
      },
    ],
    caveat: 'Embeddings are hashed n-grams',
  },
  {
    name: 'rfp-automation',
    portOffset: 10,
    model: ['--dialect', 'vllm'],
    env: { RFP_METHOD: 'rules' },
    jobs: [
      {
        title: 'a chat',
        path: '/v1/chat/completions',
        payload: { messages: [{ role: 'user', content: 'The sky is blue. Which color is the sky?' }], max_tokens: 32 },
      },
      {
        title: 'requirements of a request for proposals',
        path: '/v1/rfp/requirements',
        payload: { document: '# Security\n\nThe contractor shall report incidents within 24 hours. The portal should use single sign-on.' },
      },
    ],
    caveat: 'completions are sentences of the prompt',
  },
  {
    name: 'compliance-engine',
    portOffset: 20,
    model: ['--dialect', 'tei', '--model-kind', 'reranker'],
    env: {},
    jobs: [
      {
        title: 'a ranking',
        path: '/rerank',
        payload: { query: 'What is deep learning?', texts: ['Deep learning is a kind of machine learning.', 'Cheese is made of milk.'] },
      },
      {
        title: 'a security scan of a policy',
        path: '/v1/compliance/scan',
        payload: { document: 'Disks and backups are encrypted. The password is Winter2024! until May.', control_set: 'encryption' },
      },
    ],
    caveat: 'scores are BM25',
  },
];
