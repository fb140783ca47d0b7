import { once } from 'node:events';
import { signAuth } from '@bluefly/vast-protocol';
import { FakeControlPlane, FakeModelServer, type StartedProcess, startProcess } from '@bluefly/vast-worker/testing';
import { InferenceClient } from '@huggingface/inference';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxDocumentBytes } from '../src/requirements-request.ts';
import { readFixture, scoreOf } from './score.ts';
import { honest, scriptChat } from './scripted-vllm.ts';

/** Real clients against the real service in front of the embedded model server. The clients cannot speak envelopes: a fetch does. */

const modelServerMain = new URL('../../../packages/cpu-model-server/src/main.ts', import.meta.url);
const { document, expected } = readFixture('harbor-transit.md');
const serviceMain = new URL('../src/main.ts', import.meta.url);

let model: StartedProcess;
let worker: StartedProcess;
let url: string;

beforeAll(async () => {
  model = startProcess(modelServerMain, { NO_COLOR: '1' }, ['--dialect', 'vllm', '--port', '0']);
  await model.said('Application startup complete.');
  const modelPort = /Starting vLLM server on http:\/\/127\.0\.0\.1:(\d+)/.exec(model.output())?.[1] ?? '';
  worker = startProcess(serviceMain, {
    UNSECURED: 'true',
    WORKER_PORT: '0',
    WORKER_HOST: '127.0.0.1',
    MODEL_SERVER_PORT: modelPort,
    RFP_METHOD: 'rules',
  });
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
const post = (path: string, payload: unknown) => envelopeFetch(url + path, { method: 'POST', body: JSON.stringify(payload) });

const openai = () => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch: envelopeFetch, maxRetries: 0 });
const huggingFace = () => new InferenceClient('', { endpointUrl: url, fetch: envelopeFetch, retry_on_error: false });
const health = async () => (await fetch(`${url}/health`)).json() as Promise<{ workload: Record<string, number>; openRequests: number }>;
const servedBy = async (work: () => Promise<unknown>) => {
  const before = (await health()).workload.served as number;
  await work();
  return ((await health()).workload.served as number) - before;
};

const question = 'The sky is blue. Which color is the sky?';
const messages = [{ role: 'user' as const, content: question }];
const servedModel = 'bluefly/lexical';

describe('rfp-automation', () => {
  it('serves completions and chat to the openai client', async () => {
    const completion = await openai().completions.create({ model: servedModel, prompt: question, max_tokens: 40 });
    expect(completion.choices[0]?.text).toBe('The sky is blue.');
    const chat = await openai().chat.completions.create({ model: servedModel, messages });
    expect(chat.choices[0]?.message.content).toBe('The sky is blue.');
  });

  it('streams to the openai client, usage at the end', async () => {
    const stream = await openai().chat.completions.create({
      model: servedModel,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let completionTokens = 0;
    let pieces = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      pieces += 1;
      completionTokens = chunk.usage?.completion_tokens ?? completionTokens;
    }
    expect(text).toBe('The sky is blue.');
    expect(pieces).toBeGreaterThan(3);
    expect(completionTokens).toBeGreaterThan(0);
  });

  it('serves @huggingface/inference, which names its endpoint as the model', async () => {
    const chat = await huggingFace().chatCompletion({ messages });
    expect(chat.choices[0]?.message.content).toBe('The sky is blue.');
    let text = '';
    for await (const chunk of huggingFace().chatCompletionStream({ messages })) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('The sky is blue.');
    const { generated_text: generated } = await huggingFace().textGeneration({ inputs: question, parameters: { max_new_tokens: 40 } });
    expect(generated).toBe('The sky is blue.');
  });

  it('counts max_tokens, or 256, for every answer', async () => {
    expect(await servedBy(() => openai().completions.create({ model: servedModel, prompt: question, max_tokens: 40 }))).toBe(40);
    expect(await servedBy(() => openai().chat.completions.create({ model: servedModel, messages }))).toBe(256);
    const several = { model: servedModel, prompt: [question, 'Why?'], max_tokens: 8, n: 3, max_completion_tokens: 900 };
    expect(await servedBy(() => openai().completions.create(several))).toBe(8 * 3 * 2);
    expect(await servedBy(() => openai().chat.completions.create({ model: servedModel, messages, max_completion_tokens: 7 }))).toBe(7);
  });

  it('passes the model server’s refusals on', async () => {
    const wrongDialect = await post('/v1/chat/completions', { prompt: question });
    expect([wrongDialect.status, await wrongDialect.json()]).toMatchObject([400, { error: { type: 'Bad Request' } }]);
    const tooMany = await post('/v1/completions', { prompt: Array.from({ length: 5000 }, () => 'a') });
    expect(tooMany.status).toBe(400);
    const empty = await post('/v1/completions', {});
    expect(empty.status).toBe(400);
    const unknownModel = await openai()
      .completions.create({ model: 'another', prompt: question })
      .catch((error: unknown) => error);
    expect(unknownModel).toMatchObject({ status: 404 });
  });

  it('reads the requirements of a document of thirty pages by rules', async () => {
    const load = await servedBy(async () => {
      const answer = await openai().post<any>('/rfp/requirements', { body: { document } });
      expect(answer).toMatchObject({
        object: 'rfp.requirements',
        method: 'rules',
        offset_unit: 'utf-16 code units',
        usage: null,
        unread: [],
      });
      for (const { text, start, end } of answer.requirements) expect(document.slice(start, end)).toBe(text);
      expect(scoreOf(expected, answer.requirements).recall).toBeGreaterThan(0.9);
    });
    expect(load).toBe(1);
  });

  it('tells its progress as events', async () => {
    const answer = await post('/v1/rfp/requirements', { document, stream: true });
    const events = (await answer.text()).split('\n\n').filter(Boolean);
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(JSON.parse((events.at(-2) as string).slice('data: '.length))).toMatchObject({ type: 'result', method: 'rules' });
    expect(events.length).toBeGreaterThan(10);
  });

  it('serves others while it reads the largest document', async () => {
    const largest = document.repeat(40).slice(0, maxDocumentBytes - 60_000);
    const reading = post('/v1/rfp/requirements', { document: largest, stream: true });
    const chat = await openai().chat.completions.create({ model: servedModel, messages });
    expect(chat.choices[0]?.message.content).toBe('The sky is blue.');
    expect(await (await reading).text()).toContain('data: [DONE]');
  });

  it('stops with exit code 0 on SIGTERM, the model server as well', async () => {
    for (const { process } of [worker, model]) {
      process.kill('SIGTERM');
      await once(process, 'close');
      expect(process.exitCode).toBe(0);
    }
  });
});

describe('rfp-automation with a model', () => {
  it('reads requirements for a signed request and reports their load, unsigned ones not at all', async () => {
    const vllm = new FakeModelServer();
    const controlPlane = new FakeControlPlane();
    await Promise.all([vllm.listen(), controlPlane.listen()]);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => vllm.kill());
    stack.defer(() => controlPlane.close());
    const signed = startProcess(serviceMain, {
      RFP_METHOD: 'model',
      CONTAINER_ID: '4242',
      MASTER_TOKEN: 'mtok',
      REPORT_ADDR: controlPlane.url,
      PUBLIC_IPADDR: '127.0.0.1',
      VAST_TCP_PORT_0: '41023',
      WORKER_PORT: '0',
      WORKER_HTTP_PORT: '0',
      WORKER_HOST: '127.0.0.1',
      MODEL_SERVER_PORT: String(vllm.port),
      PERF_CACHE_FILE: '/nonexistent/perf.json',
    });
    stack.use(signed);
    const signedUrl = `http://127.0.0.1:${await signed.port()}/v1/rfp/requirements`;
    await controlPlane.status(({ max_perf }) => max_perf > 0); // benchmarked and ready
    vllm.forget();
    scriptChat(vllm, honest);
    const grant = { cost: 1, endpoint: 'test', reqnum: 7, request_idx: 7, url: 'http://127.0.0.1:41023' };
    const ask = (auth: object) =>
      fetch(signedUrl, { method: 'POST', body: JSON.stringify({ auth_data: auth, payload: { document: document.slice(0, 20_000) } }) });

    expect((await ask({ ...grant, signature: 'AAAA' })).status).toBe(401);
    const answer = await ask(signAuth(controlPlane.privateKey, grant));
    const { method, requirements, usage } = (await answer.json()) as any;
    expect([answer.status, method]).toEqual([200, 'model']);
    expect(requirements.length).toBeGreaterThan(50);
    const asked = vllm.requests.map(({ body }) => JSON.parse(body.toString()).max_tokens as number);
    expect(asked).toHaveLength(usage.calls);
    const reserved = asked.reduce((sum, maxTokens) => sum + maxTokens, 0);
    await controlPlane.until(() => controlPlane.sumOf('new_load') >= reserved); // one request, in max_tokens, calls covered
    expect(controlPlane.sumOf('new_load')).toBeLessThan(2 * reserved);
    await controlPlane.until(() => controlPlane.deletedRequests.length > 0);
    expect(controlPlane.deletedRequests).toMatchObject([{ request_idx: 7, success: true }]);
  });

  it('says so when the model server cannot do what it needs, as the embedded one cannot', async () => {
    await using stack = new AsyncDisposableStack();
    const embedded = startProcess(modelServerMain, { NO_COLOR: '1' }, ['--dialect', 'vllm', '--port', '0']);
    stack.use(embedded);
    await embedded.said('Application startup complete.');
    const MODEL_SERVER_PORT = /Starting vLLM server on http:\/\/127\.0\.0\.1:(\d+)/.exec(embedded.output())?.[1] ?? '';
    const settings = { UNSECURED: 'true', WORKER_PORT: '0', WORKER_HOST: '127.0.0.1', RFP_METHOD: 'model', MODEL_SERVER_PORT };
    const modelWorker = startProcess(serviceMain, settings);
    stack.use(modelWorker);
    const modelUrl = `http://127.0.0.1:${await modelWorker.port()}`;
    while ((await fetch(`${modelUrl}/health`)).status !== 200);
    const answer = await envelopeFetch(`${modelUrl}/v1/rfp/requirements`, { method: 'POST', body: JSON.stringify({ document }) });
    expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: 'MODEL_REFUSED' } }]);
  });
});

describe('a start with wrong settings', () => {
  it('lists those of the service with those of the worker, and ends', async () => {
    await using wrong = startProcess(serviceMain, { WORKLOAD_UNIT: 'bytes', WORKER_PORT: 'x', UNSECURED: 'true' });
    await once(wrong.process, 'close');
    expect(wrong.process.exitCode).toBe(1);
    expect(wrong.output()).toContain('environment variable WORKLOAD_UNIT: expected max_tokens or tokens, found "bytes"');
    expect(wrong.output()).toContain('environment variable RFP_METHOD: expected model or rules, found nothing');
    expect(wrong.output()).toContain('environment variable WORKER_PORT');
    expect(wrong.output()).not.toMatch(/^ +at /m); // no stack: nothing is wrong with the code
  });
});
