import type { StartOptions } from './options.ts';

/** What to do with a worker that is ready: lines to copy. */
export function greeting({ workerPort }: Pick<StartOptions, 'workerPort'>): string {
  const url = `http://127.0.0.1:${workerPort}`;
  return `
The worker is ready on ${url}. Try:

  curl -s ${url}/v1/embeddings -d '${envelope(url, { input: ['The cat sat on the mat.', 'A cat is sitting on a rug.'] })}'

  curl -s ${url}/embed -d '${envelope(url, { inputs: 'hello world' })}'

  curl -s ${url}/health

  curl -s ${url}/metrics

Embeddings here are lexical (hashed n-grams, no neural model): good for building against, not for production.
Ctrl-C stops everything.
`;
}

/** What Vast's router would have signed; here nobody looks at the signature. */
function envelope(url: string, payload: Record<string, unknown>): string {
  const grant = { cost: 1, endpoint: 'local', reqnum: 1, request_idx: 1, signature: 'unsecured', url };
  return JSON.stringify({ auth_data: grant, payload });
}
