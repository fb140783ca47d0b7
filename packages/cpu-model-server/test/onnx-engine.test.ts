import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelKind, type ModelServerOptions, startModelServer } from '../src/index.ts';
import { hasLibrary } from './onnx-library.ts';
import { run } from './run.ts';
import { makeTinyModel } from './tiny-models/make-tiny-model.ts';

/** Real inference, on models of a few kilobytes with random weights. */

const isReady = hasLibrary();
let models: string;

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'tiny-models-'));
  for (const kind of ['embedding', 'reranker', 'generation'] as const) await makeTinyModel(kind, join(models, kind));
});
afterAll(() => rm(models, { recursive: true }));

async function start(modelKind: ModelKind, options: Partial<ModelServerOptions> = {}) {
  const log: string[] = [];
  const write = (text: string) => void log.push(text);
  const dialect = modelKind === 'generation' ? 'vllm' : 'tei';
  const server = await startModelServer(
    { dialect, modelKind, engine: 'onnx', modelId: join(models, modelKind), port: 0, ...options },
    { write, writeError: write, color: false },
  );
  return {
    ...server,
    log,
    openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 }),
    async post(path: string, body: unknown): Promise<{ status: number; headers: Headers; body: any }> {
      const answer = await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: answer.status, headers: answer.headers, body: await answer.json() };
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const length = (vector: number[]) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

describe.skipIf(!isReady)('an embedding model', () => {
  it('gives unit vectors, with tokens of its own tokenizer', async () => {
    await using server = await start('embedding', { pooling: 'mean' });
    const { body, headers } = await server.post('/embed', { inputs: ['one', 'two', 'one'] });
    expect(body.map((vector: number[]) => vector.length)).toEqual([8, 8, 8]);
    expect(length(body[0])).toBeCloseTo(1, 5);
    expect(body[0]).toEqual(body[2]);
    expect(body[0]).not.toEqual(body[1]);
    expect(headers.get('x-compute-tokens')).toBe('15'); // three bytes and two special tokens each
    const { body: tokenized } = await server.post('/tokenize', { inputs: 'one' });
    expect(tokenized[0].map(({ text, special }: any) => [text, special])).toEqual([
      ['[CLS]', true],
      ['o', false],
      ['n', false],
      ['e', false],
      ['[SEP]', true],
    ]);
    const ids = tokenized[0].map(({ id }: any) => id);
    expect((await server.post('/embed', { inputs: [ids] })).body[0]).toEqual(body[0]);
  });

  it('pools as the model says, unless told otherwise', async () => {
    await using server = await start('embedding');
    await using mean = await start('embedding', { pooling: 'mean' });
    const vectors = (await server.post('/embed_all', { inputs: 'one' })).body[0] as number[][];
    const raw = { inputs: 'one', normalize: false };
    expect((await server.post('/embed', raw)).body[0]).toEqual(vectors[0]);
    const average = vectors[0]?.map((_, place) => vectors.reduce((sum, vector) => sum + (vector[place] as number) / vectors.length, 0));
    const pooled = (await mean.post('/embed', raw)).body[0] as number[];
    pooled.forEach((value, place) => expect(value).toBeCloseTo(average?.[place] as number, 5));
    const info = (await (await fetch(`${server.url}/info`)).json()) as Record<string, unknown>;
    expect(info).toMatchObject({ model_id: 'embedding', model_type: { embedding: { pooling: 'cls' } }, max_input_length: 48 });
  });

  it('takes no more tokens than it can, from either side, special ones kept', async () => {
    await using server = await start('embedding', { pooling: 'mean' });
    const text = 'a'.repeat(46) + 'b'.repeat(10);
    const [right, left, first] = await Promise.all([
      server.post('/embed', { inputs: text }),
      server.post('/embed', { inputs: text, truncation_direction: 'left' }),
      server.post('/embed', { inputs: 'a'.repeat(46) }),
    ]);
    expect(right.headers.get('x-compute-tokens')).toBe('48');
    expect(right.body).toEqual(first.body);
    expect(left.body).toEqual((await server.post('/embed', { inputs: 'a'.repeat(36) + 'b'.repeat(10) })).body);
    expect((await server.post('/embed', { inputs: text, truncate: false })).status).toBe(422);
  });
});

describe.skipIf(!isReady)('a cross-encoder', () => {
  it('ranks by reading query and document together', async () => {
    await using server = await start('reranker');
    const texts = ['apple', 'pear', 'a very long document about nothing'];
    const { body } = await server.post('/rerank', { query: 'fruit', texts, raw_scores: true, return_text: true });
    const scores = body.map(({ score }: any) => score);
    expect(scores).toEqual([...scores].sort((left, right) => right - left));
    expect(new Set(scores).size).toBe(3);
    for (const { index, text } of body) expect(text).toBe(texts[index]);
    const { body: single } = await server.post('/rerank', { query: 'fruit', texts: [texts[1]], raw_scores: true });
    expect(single[0].score).toBe(body.find(({ index }: any) => index === 1).score); // whatever the others are
    const { body: other } = await server.post('/rerank', { query: 'tools', texts: [texts[1]], raw_scores: true });
    expect(other[0].score).not.toBe(single[0].score);
  });

  it('cuts documents that are too long', async () => {
    await using server = await start('reranker');
    const score = async (text: string) => (await server.post('/rerank', { query: 'q', texts: [text], raw_scores: true })).body[0].score;
    const { headers } = await server.post('/rerank', { query: 'q', texts: ['b'.repeat(100)] });
    expect(headers.get('x-compute-tokens')).toBe('48');
    expect(await score('b'.repeat(44) + 'c'.repeat(50))).toBe(await score('b'.repeat(44))); // [CLS] q [SEP] … [SEP]
    expect(await score('b'.repeat(43) + 'c'.repeat(50))).not.toBe(await score('b'.repeat(44)));
  });
});

describe.skipIf(!isReady)('a language model', () => {
  const messages = [{ role: 'user' as const, content: 'Hello' }];
  const greedy = { model: 'generation', messages, temperature: 0, max_tokens: 30, ignore_eos: true };

  it('answers the openai client the same way, plain and streamed', async () => {
    await using server = await start('generation');
    const plain = await server.openai.chat.completions.create(greedy);
    expect(plain.choices[0]).toMatchObject({ finish_reason: 'length', message: { role: 'assistant' } });
    expect(plain.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 30, total_tokens: 37 }); // <|user|> Hello <|assistant|>
    const stream = await server.openai.chat.completions.create({ ...greedy, stream: true, stream_options: { include_usage: true } });
    let text = '';
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(plain.choices[0]?.message.content);
    expect(usage).toMatchObject({ completion_tokens: 30 });
  });

  it('goes on where it was: its memory of the text is that of the text', async () => {
    await using server = await start('generation');
    const { tokens } = (await server.post('/tokenize', { prompt: 'Once upon a time' })).body;
    const next = async (prompt: number[], max_tokens: number) => {
      const { body } = await server.post('/v1/completions', { prompt, max_tokens, temperature: 0, ignore_eos: true });
      return body.choices[0].text as string;
    };
    const whole = await next(tokens, 8);
    const steps: number[] = [...tokens];
    let text = '';
    for (let step = 0; step < 8; step += 1) {
      text += await next(steps, 1);
      steps.push(...(await server.post('/tokenize', { prompt: text })).body.tokens.slice(steps.length - tokens.length));
    }
    expect(text).toBe(whole);
  });

  it('ends by itself, and not before it may', async () => {
    await using server = await start('generation');
    const free = { model: 'generation', messages, max_tokens: 200, seed: 1 };
    const ended = await server.openai.chat.completions.create(free);
    expect(ended.choices[0]?.finish_reason).toBe('stop');
    const least = ended.usage?.completion_tokens as number;
    const later = await server.openai.chat.completions.create({ ...free, min_tokens: least + 5 } as typeof free);
    expect(later.usage?.completion_tokens).toBeGreaterThan(least + 4);
  });

  it('samples by seed: the same again, and n different ones', async () => {
    await using server = await start('generation');
    const sampled = { model: 'generation', prompt: 'x', max_tokens: 20, n: 2, top_p: 0.9, ignore_eos: true };
    const texts = async (seed: number) =>
      (await server.openai.completions.create({ ...sampled, seed } as OpenAI.CompletionCreateParamsNonStreaming)).choices.map(
        ({ text }) => text,
      );
    const [first, second] = await texts(1);
    expect(first).not.toBe(second);
    expect(await texts(1)).toEqual([first, second]);
    expect((await texts(7))[0]).not.toBe(first);
  });

  it('streams whole characters, though its tokens are bytes', async () => {
    await using server = await start('generation');
    const prompt = '\u{1F600}é';
    expect((await server.post('/tokenize', { prompt })).body.count).toBe(6);
    const stream = await server.openai.completions.create({ model: 'generation', prompt, echo: true, max_tokens: 40, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.text;
    expect(text.startsWith(prompt)).toBe(true);
    expect(text.isWellFormed()).toBe(true);
  });

  it('passes on what its template refuses', async () => {
    await using server = await start('generation');
    const { status, body } = await server.post('/v1/chat/completions', { messages: [{ role: 'tool', content: 'x' }] });
    expect([status, body.error.type]).toEqual([400, 'BadRequestError']);
    expect(body.error.message).toContain('no tools here');
  });

  it('stops when the client leaves', async () => {
    await using server = await start('generation', { latencyPerTokenUs: 1_000 });
    const stream = await server.openai.chat.completions.create({ ...greedy, max_tokens: 240, stream: true });
    for await (const _ of stream) break;
    const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
    while (!/vllm:request_success_total\{[^}]*finished_reason="abort"\} 1\n/.test(await metrics()));
    expect(await metrics()).toMatch(/vllm:num_requests_running\{[^}]*\} 0\n/);
    expect(await metrics()).not.toMatch(/vllm:generation_tokens_total\{[^}]*\} 240\n/);
  });

  it('has the length and the name that its files say', async () => {
    await using server = await start('generation');
    expect((await server.openai.models.list()).data[0]).toMatchObject({ id: 'generation', max_model_len: 256 });
    expect(server.log.join('')).toContain('Resolved architecture: LlamaForCausalLM');
  });
});

describe.skipIf(!isReady)('a model', () => {
  it('is downloaded once from a hub, which is shown, and found again without it', async () => {
    const asked: string[] = [];
    const hub = createServer((request, response) => {
      const file = (request.url ?? '').replace('/bluefly/tiny/resolve/main/', '');
      asked.push(file);
      const path = join(models, 'embedding', file);
      if (!existsSync(path)) return void response.writeHead(404).end();
      const content = readFileSync(path);
      response.writeHead(200, { 'content-length': content.length }).end(content);
    }).listen(0, '127.0.0.1');
    await once(hub, 'listening');
    const modelCache = await mkdtemp(join(tmpdir(), 'model-cache-'));
    const remote = { modelId: 'bluefly/tiny', hubUrl: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`, modelCache };
    const vectorOf = async () => {
      await using server = await start('embedding', remote);
      expect(server.log.join('')).toMatch(
        /Starting download\n.*Downloading `onnx\/model\.onnx`\n.*Downloading `onnx\/model\.onnx`: 100 %\n/s,
      );
      expect(server.log.join('')).toMatch(/Model artifacts downloaded in [\d.]+m?s/);
      return (await server.post('/embed', { inputs: 'one' })).body[0];
    };
    const vector = await vectorOf();
    expect(asked).toContain('onnx/model.onnx');
    expect(asked).toContain('1_Pooling/config.json');
    hub.close();
    hub.closeAllConnections();
    expect(await vectorOf()).toEqual(vector);
    await rm(modelCache, { recursive: true });
  });

  it.each([
    [
      'nowhere',
      'embedding',
      'tei',
      'nowhere',
      /Error: Could not download model artifacts\n\nCaused by:\n {4}\w+ of "nowhere": fetch failed \(bad port\)/,
    ],
    ['of another kind', 'reranker', 'tei', 'embedding', /Error: Could not download model artifacts\n\nCaused by:\n {4}.* of ".*": .*/],
    [
      'that does not generate',
      'generation',
      'vllm',
      'reranker',
      /EngineCore failed to start\.\r\n.*ValueError: \w+ of ".*": .*RuntimeError: Engine core initialization failed/s,
    ],
  ])('%s ends the start with 1, and says why', async (_, kind, dialect, name, words) => {
    const model = name === 'nowhere' ? name : join(models, name);
    const local = ['--hub-url', 'http://127.0.0.1:1', '--model-cache', join(models, 'cache')];
    const server = run(['--engine', 'onnx', '--dialect', dialect, '--model-kind', kind, '--model-id', model, '--port', '0', ...local]);
    expect((await server.closed).code).toBe(1);
    expect(server.output()).toMatch(words);
  });

  it('that is still loading is given up on SIGTERM', async () => {
    const hub = createServer(() => {}).listen(0, '127.0.0.1'); // never answers
    await once(hub, 'listening');
    const url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
    const server = run([
      '--engine',
      'onnx',
      '--model-id',
      'bluefly/tiny',
      '--port',
      '0',
      '--hub-url',
      url,
      '--model-cache',
      join(models, 'none'),
    ]);
    await once(hub, 'request');
    server.child.kill('SIGTERM');
    expect(await server.closed).toEqual({ code: 0, signal: null });
    hub.closeAllConnections();
    hub.close();
  });
});

describe('without the library', () => {
  it.each([
    ['in the repository', 'npm ci --ignore-scripts --prefix '],
    ['elsewhere', 'npm install @huggingface/transformers@4'],
  ])('the engine says how to install it, %s', async (place, command) => {
    const copy = await mkdtemp(join(tmpdir(), 'without-library-'));
    const own = fileURLToPath(new URL('..', import.meta.url));
    await Promise.all(['src', 'package.json'].map((name) => cp(join(own, name), join(copy, name), { recursive: true })));
    await mkdir(join(copy, 'onnx'));
    for (const name of ['library.js', ...(place === 'elsewhere' ? [] : ['package-lock.json'])]) {
      await cp(join(own, 'onnx', name), join(copy, 'onnx', name));
    }
    await symlink(join(own, 'node_modules'), join(copy, 'node_modules'));
    const server = run(['--engine', 'onnx', '--model-id', 'any'], join(copy, 'src/main.ts'));
    expect((await server.closed).code).toBe(1);
    expect(server.output()).toContain('Error: --engine onnx: expected the package @huggingface/transformers, found none.');
    expect(server.output()).toContain(command);
    expect(server.output()).not.toMatch(/^ +at /m);
    await rm(copy, { recursive: true });
  });
});
