import { once } from 'node:events';
import { type StartedProcess, startProcess } from '@bluefly/vast-worker/testing';
import { estimateTokens } from '@bluefly/vast-workload';
import { InferenceClient } from '@huggingface/inference';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentBrainConfig } from '../src/config.ts';

/** Real clients against the real service in front of the embedded model server. The clients cannot speak envelopes: a fetch does. */

const modelServerMain = new URL('../../../packages/cpu-model-server/src/main.ts', import.meta.url);
const serviceMain = new URL('../src/main.ts', import.meta.url);

let model: StartedProcess;
let worker: StartedProcess;
let url: string;

beforeAll(async () => {
  model = startProcess(modelServerMain, { NO_COLOR: '1' }, ['--port', '0']);
  await model.said(': Ready');
  const modelPort = /Starting HTTP server: 127\.0\.0\.1:(\d+)/.exec(model.output())?.[1] ?? '';
  worker = startProcess(serviceMain, { UNSECURED: 'true', WORKER_PORT: '0', WORKER_HOST: '127.0.0.1', MODEL_SERVER_PORT: modelPort });
  url = `http://127.0.0.1:${await worker.port()}`;
  while ((await fetch(`${url}/health`)).status !== 200);
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

/** Wraps what a client of the model's own API sends. */
const envelopeFetch: typeof fetch = async (input, init) => {
  const payload: unknown = JSON.parse(init?.body as string);
  const grant = { cost: 1, endpoint: 'test', reqnum: 1, request_idx: 1, signature: 'unsecured', url };
  return fetch(input, { ...init, body: JSON.stringify({ auth_data: grant, payload }) });
};

const openai = () => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch: envelopeFetch, maxRetries: 0 });
const cosine = (left: number[], right: number[]) => left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
const health = async () => (await fetch(`${url}/health`)).json() as Promise<{ workload: Record<string, number>; openRequests: number }>;

const related = ['The invoices of the supplier were paid late.', 'Late payment of supplier invoices.'] as const;
const unrelated = 'Penguins swim faster than they walk.';

describe('agent-brain', () => {
  it('gives the openai client vectors (base64, as it asks by default) in which related sentences are nearer', async () => {
    const { data, usage, model: name } = await openai().embeddings.create({ model: 'any', input: [...related, unrelated] });
    const [first, second, third] = data.map(({ embedding }) => embedding) as [number[], number[], number[]];
    expect(first).toHaveLength(384);
    expect(cosine(first, first)).toBeCloseTo(1, 5);
    expect(cosine(first, second)).toBeGreaterThan(cosine(first, third) + 0.3);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    expect(name).toBe('bluefly/lexical-384');
  });

  it('gives the same vectors as floats', async () => {
    const base64 = await openai().embeddings.create({ model: 'any', input: related[0] });
    const float = await openai().embeddings.create({ model: 'any', input: related[0], encoding_format: 'float' });
    expect(float.data[0]?.embedding.map(Math.fround)).toEqual(base64.data[0]?.embedding);
  });

  it('serves @huggingface/inference', async () => {
    const client = new InferenceClient('', { endpointUrl: `${url}/embed`, fetch: envelopeFetch, retry_on_error: false });
    const vectors = (await client.featureExtraction({ inputs: [...related, unrelated] })) as number[][];
    const [first, second, third] = vectors as [number[], number[], number[]];
    expect(cosine(first, second)).toBeGreaterThan(cosine(first, third) + 0.3);
  });

  it('splits what is more than the model server takes at once, and merges it in order', async () => {
    const input = Array.from({ length: 100 }, (_, index) => `document number ${index} about topic ${index % 7}`);
    const before = (await health()).workload.served as number;
    const whole = await openai().embeddings.create({ model: 'any', input, encoding_format: 'float' });
    expect(whole.data.map(({ index }) => index)).toEqual(input.map((_, index) => index));
    const single = await openai().embeddings.create({ model: 'any', input: [input[77] as string], encoding_format: 'float' });
    expect(whole.data[77]?.embedding).toEqual(single.data[0]?.embedding);
    expect(whole.usage.prompt_tokens).toBeGreaterThan(100 * (single.usage.prompt_tokens - 2));
    expect((await health()).workload.served).toBe(before + 101); // one ticket of 100 items, and one of 1

    const native = await envelopeFetch(`${url}/embed`, { method: 'POST', body: JSON.stringify({ inputs: input }) });
    expect(Number(native.headers.get('x-compute-tokens'))).toBe(whole.usage.prompt_tokens);
    expect(((await native.json()) as number[][])[77]?.map(Math.fround)).toEqual(single.data[0]?.embedding.map(Math.fround));
  });

  it('passes the model server’s refusals on', async () => {
    const failure = await openai()
      .embeddings.create({ model: 'any', input: '' })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 400 });
    const mixed = await envelopeFetch(`${url}/embed`, { method: 'POST', body: JSON.stringify({ inputs: [...Array(40).fill('a'), ''] }) });
    expect(mixed.status).toBe(400);
    expect(await mixed.json()).toMatchObject({ error_type: 'Empty' });
  });

  it('stops with exit code 0 on SIGTERM, the model server as well', async () => {
    for (const { process } of [worker, model]) {
      process.kill('SIGTERM');
      await once(process, 'close');
      expect(process.exitCode).toBe(0);
    }
  });

  it('counts in tokens when asked to', async () => {
    const input = 'Wärmedämmverbundsysteme für Gebäudehüllen';
    for (const [model, family] of [
      [undefined, 'o200k'],
      ['BAAI/bge-small-en-v1.5', 'wordpiece'],
    ] as const) {
      const { workloadUnit, handlers } = agentBrainConfig({ WORKLOAD_UNIT: 'tokens', MODEL_ID: model });
      expect(workloadUnit).toBe('tokens');
      const tokens = estimateTokens(input, family);
      expect(handlers.map(({ workloadCalculator }) => workloadCalculator?.({ input }))).toEqual([tokens, tokens]);
    }
  });

  it('lists its own wrong settings with those of the worker, and ends', async () => {
    await using wrong = startProcess(serviceMain, { WORKLOAD_UNIT: 'bytes', WORKER_PORT: 'x', UNSECURED: 'true' });
    await once(wrong.process, 'close');
    expect(wrong.process.exitCode).toBe(1);
    expect(wrong.output()).toContain('environment variable WORKLOAD_UNIT: expected items or tokens, found "bytes"');
    expect(wrong.output()).toContain('environment variable WORKER_PORT');
    expect(wrong.output()).not.toMatch(/^ +at /m); // no stack: nothing is wrong with the code
  });
});
