import { once } from 'node:events';
import { startProcess } from '@bluefly/vast-worker/testing';
import { estimateTokens } from '@bluefly/vast-workload';
import { InferenceClient } from '@huggingface/inference';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complianceEngineConfig } from '../src/config.ts';
import { type StartedService, startService } from './start-service.ts';

/** Real clients against the real service in front of the embedded model server. */

let service: StartedService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service[Symbol.asyncDispose]());

const query = 'How long are audit logs kept?';
const texts = ['Rabbits eat carrots and other roots.', 'Audit logs are kept for a year.', 'The office moved to Lisbon in spring.'];
const many = Array.from({ length: 100 }, (_, index) => (index === 77 ? (texts[1] as string) : `Chapter ${index} deals with gardens.`));

type Ranked = { index: number; score: number; text?: string };
type Results = {
  id: string;
  model: string;
  results: { index: number; relevance_score: number; document?: { text: string } }[];
  usage: any;
};

describe('/rerank', () => {
  it('ranks for @huggingface/inference', async () => {
    const client = new InferenceClient('', {
      endpointUrl: `${service.url}/rerank`,
      fetch: service.envelopeFetch,
      retry_on_error: false,
    });
    const ranked = await client.request<Ranked[]>({ query, texts } as any);
    expect(ranked.map(({ index }) => index)).toEqual([1, 2, 0]);
    expect(ranked[0]?.score).toBeGreaterThan(0.5);
    expect(ranked[2]?.score).toBeLessThan(0.1);
  });

  it('passes what the model server takes at once through untouched', async () => {
    const answer = await service.post('/rerank', { query, texts, raw_scores: true, return_text: true });
    const ranked = (await answer.json()) as Ranked[];
    expect(ranked[0]).toMatchObject({ index: 1, text: texts[1] });
    expect(ranked[2]?.score).toBe(-5); // raw
    expect(answer.headers.get('x-compute-type')).toBe('gpu+optimized');
  });

  it('splits what is more than the model server takes at once, merges it as one ranking, and books it as one request', async () => {
    const before = await service.health();
    const answer = await service.post('/rerank', { query, texts: many, return_text: true });
    const ranked = (await answer.json()) as Ranked[];
    expect(ranked).toHaveLength(100);
    expect(ranked[0]).toMatchObject({ index: 77, text: texts[1] });
    expect(ranked.slice(1).map(({ index }) => index)).toEqual([...Array(100).keys()].filter((index) => index !== 77).reverse()); // equal scores
    expect(ranked.every(({ index, text }) => text === many[index])).toBe(true);
    expect(Number(answer.headers.get('x-compute-tokens'))).toBeGreaterThan(1000);
    expect((await service.health()).workload.served).toBe((before.workload.served as number) + 100);
  });

  it('ranks 10,000 texts in one request', async () => {
    const answer = await service.post('/rerank', { query, texts: Array.from({ length: 10_000 }, (_, index) => many[index % 100]) });
    const ranked = (await answer.json()) as Ranked[];
    expect(ranked.slice(0, 100).every(({ index }) => index % 100 === 77)).toBe(true);
    expect(new Set(ranked.map(({ index }) => index)).size).toBe(10_000);
  });

  it('never sends more bytes at once than the model server takes', async () => {
    const long = Array.from({ length: 24 }, (_, index) => `${many[index]} ${'“garden” '.repeat(9_000)}`); // 3.2 MB, and 24 texts
    expect(await (await service.post('/rerank', { query, texts: long })).json()).toHaveLength(24);
  });
});

describe.each(['/v1/rerank', '/v2/rerank'])('%s', (path) => {
  it('answers in the dialect of Cohere and Jina', async () => {
    const answer = (await (await service.post(path, { model: 'any', query, documents: texts, top_n: 2 })).json()) as Results;
    expect(answer.results.map(({ index }) => index)).toEqual([1, 0]); // of equal scores the first comes first
    expect(answer.results[0]).toEqual({ index: 1, relevance_score: expect.any(Number) });
    expect(answer).toMatchObject({ id: expect.stringMatching(/^rerank-/), model: 'bluefly/lexical-384' });
    expect(answer.usage.total_tokens).toBeGreaterThan(20);
  });

  it('ranks for the openai client, by its way to call what it does not know', async () => {
    const client = new OpenAI({ baseURL: service.url, apiKey: 'none', fetch: service.envelopeFetch, maxRetries: 0 });
    const { results } = await client.post<Results>(path, { body: { model: 'any', query, documents: texts } });
    expect(results.map(({ index }) => index)).toEqual([1, 0, 2]);
    await expect(client.post(path, { body: { query } })).rejects.toMatchObject({ status: 422, code: 'PAYLOAD_INVALID' });
  });

  it('gives documents back when asked to, texts and objects alike, and all of them without top_n', async () => {
    const documents = [texts[0], { text: texts[1], url: 'ignored' }, texts[2]];
    const { results } = (await (await service.post(path, { query, documents, return_documents: true })).json()) as Results;
    expect(results.map(({ index, document }) => [index, document?.text])).toEqual([1, 0, 2].map((index) => [index, texts[index]]));
  });

  it('splits, and keeps the best of all', async () => {
    const { results } = (await (await service.post(path, { query, documents: many, top_n: 3 })).json()) as Results;
    expect(results.map(({ index }) => index)).toEqual([77, 0, 1]);
  });
});

describe('bad input', () => {
  const details = async (answer: Response) =>
    ((await answer.json()) as any).error.details?.map(({ path, message }: any) => `${path}: ${message}`);

  it.each([
    ['/rerank', { query, documents: texts }, 'payload.texts: expected a list of texts (bodies with `documents` go to /v1/rerank)'],
    ['/rerank', { query, texts: ['a', 7, 8] }, 'payload.texts.1: expected a text'],
    ['/rerank', { texts }, 'payload.query: expected a text'],
    ['/rerank', { query, texts: Array(10_001).fill('a') }, 'payload.texts: expected at most 10000 elements'],
    ['/v1/rerank', { query, texts }, 'payload.documents: expected a list of documents (bodies with `texts` go to /rerank)'],
    ['/v1/rerank', { query, documents: [] }, 'payload.documents: expected at least one document'],
    ['/v1/rerank', { query: '', documents: texts }, 'payload.query: expected a text that is not empty'],
    ['/v1/rerank', { query, documents: [{ title: 'no text' }] }, 'payload.documents.0: expected a text or { text }'],
    ['/v1/rerank', { query, documents: Array(10_001).fill('a') }, 'payload.documents: expected at most 10000 elements'],
    ['/v2/rerank', { query, documents: texts, top_n: -1 }, 'payload.top_n: expected 0 (all) or more'],
    [
      '/v2/rerank',
      { query, documents: texts, max_tokens_per_doc: 10 },
      'payload.max_tokens_per_doc: expected nothing: this server cannot do it',
    ],
  ])('%s refuses %#', async (path, payload, problem) => {
    const answer = await service.post(path, payload);
    expect(answer.status).toBe(422);
    expect(await details(answer)).toEqual([problem]);
  });

  it('leaves to the model server what only it can judge, and passes its words on', async () => {
    const native = await service.post('/rerank', { query, texts: [] });
    expect([native.status, await native.json()]).toEqual([400, { error: '`texts` cannot be empty', error_type: 'Empty' }]);
    const tooLong = 'a '.repeat(200_000);
    const split = await service.post('/rerank', { query, texts: [...many, tooLong] });
    expect([split.status, await split.json()]).toMatchObject([422, { error_type: 'Validation' }]);
    const translated = await service.post('/v1/rerank', { query, documents: [tooLong] });
    expect([translated.status, await translated.json()]).toMatchObject([
      422,
      { error: { code: 'MODEL_SERVER_REFUSED' }, message: expect.stringContaining('must have less than') },
    ]);
  });

  it.each(['/rerank', '/v1/rerank', '/v2/rerank'])('%s refuses what is no UTF-8, no envelope, unsigned, or too large', async (path) => {
    const send = (body: Buffer | string) => fetch(service.url + path, { method: 'POST', body });
    const notUtf8 = Buffer.concat([
      Buffer.from('{"query":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('","texts":["a"],"documents":["a"]}'),
    ]);
    const refused = await send(service.envelopeAround(notUtf8));
    expect([refused.status, await refused.json()]).toMatchObject([
      422,
      { error: { code: 'ENVELOPE_INVALID', details: [{ message: 'expected UTF-8' }] } },
    ]);
    expect((await send(JSON.stringify({ query, texts, documents: texts }))).status).toBe(422);
    const grant = { cost: 1, endpoint: 'e', reqnum: 1, request_idx: 1, signature: 'x', url: 'x' };
    expect((await send(JSON.stringify({ auth_data: grant, payload: { query, texts, documents: texts } }))).status).toBe(401);
    const large = await service.post(path, { query, texts: ['a'.repeat(33 * 1024 * 1024)] });
    expect(large.status).toBe(413);
  });
});

describe('the service', () => {
  it('tells the control plane what it did, in documents', async () => {
    const { workload } = await service.health();
    await service.controlPlane.until(() => service.controlPlane.sumOf('new_load') >= (workload.served as number));
    expect(workload.served).toBe(service.controlPlane.sumOf('cur_perf'));
  });

  it('counts pair tokens when asked to', () => {
    const { workloadUnit, handlers } = complianceEngineConfig({ WORKLOAD_UNIT: 'tokens' });
    expect(workloadUnit).toBe('tokens');
    const [tei, cohere] = handlers as [(typeof handlers)[0], (typeof handlers)[0]];
    const [four, forty] = ['a'.repeat(16), 'b'.repeat(160)];
    const pair = estimateTokens(four) + estimateTokens(forty);
    expect(tei.workloadCalculator?.({ query: four, texts: [forty, forty] })).toBe(2 * pair); // the query counts with each text
    expect(cohere.workloadCalculator?.({ query: four, documents: [forty] })).toBe(pair);
  });

  it('never writes what it was sent into its log', () => {
    expect(service.worker.output()).toContain('request ended'); // the log is as talkative as it gets
    for (const text of [query, ...texts, 'garden']) expect(service.worker.output()).not.toContain(text);
  });

  it('listens on 3020 and looks for its model server on 8020 unless told otherwise', () => {
    expect(complianceEngineConfig({})).toMatchObject({ workerPort: 3020, modelServerPort: 8020, workloadUnit: 'documents' });
  });

  it('lists its own wrong settings with those of the worker, and ends', async () => {
    await using wrong = startProcess(new URL('../src/main.ts', import.meta.url), {
      WORKLOAD_UNIT: 'bytes',
      WORKER_PORT: 'x',
      UNSECURED: 'true',
    });
    await once(wrong.process, 'close');
    expect(wrong.process.exitCode).toBe(1);
    expect(wrong.output()).toContain('environment variable WORKLOAD_UNIT: expected documents or tokens, found "bytes"');
    expect(wrong.output()).toContain('environment variable WORKER_PORT');
  });
});
