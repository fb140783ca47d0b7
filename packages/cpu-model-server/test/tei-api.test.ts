import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../src/index.ts';

type Started = ModelServer & AsyncDisposable & { log: string[]; post(path: string, body: unknown): Promise<Answer> };
interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json(): any;
}

async function start(options: Partial<ModelServerOptions> = {}): Promise<Started> {
  const log: string[] = [];
  const server = await startModelServer({ port: 0, ...options }, { write: (text) => void log.push(text), color: false });
  return {
    ...server,
    log,
    post: (path, body) => send(`${server.url}${path}`, typeof body === 'string' ? body : JSON.stringify(body)),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function send(url: string, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Answer> {
  const answer = await fetch(url, { method: 'POST', body, headers: { ...headers, connection: 'close' } });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) };
}

const length = (vector: number[]) => Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));

describe('POST /embed', () => {
  it('gives one unit vector per input, two-dimensional even for a bare text', async () => {
    await using server = await start();
    const single = (await server.post('/embed', { inputs: 'hello world' })).json();
    expect(single).toHaveLength(1);
    expect(single[0]).toHaveLength(384);
    expect(length(single[0])).toBeCloseTo(1, 5);
    expect((await server.post('/embed', { inputs: ['a', 'hello world'] })).json()[1]).toEqual(single[0]);
  });

  it('cuts to dimensions before it normalises, and leaves as is when asked to', async () => {
    await using server = await start();
    const cut = (await server.post('/embed', { inputs: 'hello world', dimensions: 16 })).json()[0];
    expect(cut).toHaveLength(16);
    const raw = (await server.post('/embed', { inputs: 'hello hello world again', normalize: false })).json()[0];
    expect(length(raw)).not.toBeCloseTo(1, 2);
  });

  it('tells in headers what it took', async () => {
    await using server = await start();
    const { headers } = await server.post('/embed', { inputs: ['hello world', 'é'] });
    expect(headers.get('x-compute-type')).toBe('gpu+optimized');
    expect(headers.get('x-compute-characters')).toBe('12');
    expect(headers.get('x-compute-tokens')).toBe('7'); // two special tokens each
    for (const name of ['x-compute-time', 'x-total-time', 'x-tokenization-time', 'x-queue-time', 'x-inference-time']) {
      expect(headers.get(name)).toMatch(/^\d+$/);
    }
  });

  it('gives one vector per token on /embed_all', async () => {
    await using server = await start();
    expect((await server.post('/embed_all', { inputs: 'hello world' })).json()[0]).toHaveLength(4);
  });
});

describe('POST /v1/embeddings', () => {
  it('answers in OpenAI’s shape, base64 being the same floats, little-endian', async () => {
    await using server = await start();
    const floats = (await server.post('/v1/embeddings', { input: ['a b', 'c'] })).json();
    const base64 = (await server.post('/embeddings', { input: ['a b', 'c'], encoding_format: 'base64' })).json();
    expect(floats).toMatchObject({ object: 'list', model: 'bluefly/lexical-384', usage: { prompt_tokens: 7, total_tokens: 7 } });
    expect(floats.data.map(({ index, object }: any) => [index, object])).toEqual([
      [0, 'embedding'],
      [1, 'embedding'],
    ]);
    const bytes = Buffer.from(base64.data[0].embedding, 'base64');
    expect(Array.from({ length: 384 }, (_, index) => bytes.readFloatLE(index * 4))).toEqual(floats.data[0].embedding);
  });

  it('has errors of its own shape', async () => {
    await using server = await start();
    const answer = await server.post('/v1/embeddings', { input: '' });
    expect([answer.status, answer.json()]).toEqual([
      400,
      { message: 'Input validation error: `inputs` cannot be empty', code: 400, type: 'Empty' },
    ]);
  });
});

describe('POST /rerank', () => {
  it('ranks what answers the query first, with scores between 0 and 1', async () => {
    await using server = await start({ modelKind: 'reranker' });
    const texts = ['The weather is fine.', 'Audit logs are kept for twelve months.', 'Cats sleep.'];
    const ranked = (await server.post('/rerank', { query: 'How long are audit logs kept?', texts, return_text: true })).json();
    expect(ranked[0]).toMatchObject({ index: 1, text: texts[1] });
    expect(ranked[0].score).toBeGreaterThan(ranked[1].score);
    for (const { score } of ranked) expect(score > 0 && score < 1).toBe(true);
  });

  it('puts the higher index first among equals', async () => {
    await using server = await start({ modelKind: 'reranker' });
    const ranked = (await server.post('/rerank', { query: 'q', texts: ['same', 'same', 'same'] })).json();
    expect(ranked.map(({ index }: any) => index)).toEqual([2, 1, 0]);
    expect(ranked[0]).not.toHaveProperty('text');
  });
});

describe('POST /similarity and /tokenize', () => {
  it('compare one sentence with many', async () => {
    await using server = await start();
    const scores = (
      await server.post('/similarity', { inputs: { source_sentence: 'a red car', sentences: ['a red car', 'the blue sky'] } })
    ).json();
    expect(scores[0]).toBeCloseTo(1, 5);
    expect(scores[1]).toBeLessThan(0.5);
  });

  it('give tokens with byte offsets', async () => {
    await using server = await start();
    const [tokens] = (await server.post('/tokenize', { inputs: 'é Ok!' })).json();
    expect(tokens.map(({ text, start, stop, special }: any) => [text, start, stop, special])).toEqual([
      ['[CLS]', null, null, true],
      ['e', 0, 2, false],
      ['ok', 3, 5, false],
      ['!', 5, 6, false],
      ['[SEP]', null, null, true],
    ]);
  });
});

describe('refusals', () => {
  const tooMany = Array.from({ length: 33 }, () => 'a');
  it.each<[string, string, unknown, number, string]>([
    ['too many items', '/embed', { inputs: tooMany }, 422, 'batch size 33 > maximum allowed batch size 32'],
    ['an empty text', '/embed', { inputs: '' }, 400, 'Input validation error: `inputs` cannot be empty'],
    ['an empty list', '/embed', { inputs: [] }, 400, 'Input validation error: `inputs` cannot be empty'],
    ['no sentences', '/similarity', { inputs: { source_sentence: 'a', sentences: [] } }, 400, '`inputs.sentences` cannot be empty'],
    ['no texts', '/rerank', { query: 'q', texts: [] }, 400, '`texts` cannot be empty'],
    ['nothing to tokenize', '/tokenize', { inputs: [] }, 400, '`inputs` cannot be empty'],
    [
      'too long and not to be cut',
      '/embed',
      { inputs: 'a '.repeat(600), truncate: false },
      422,
      'Input validation error: `inputs` must have less than 512 tokens. Given: 602',
    ],
    [
      'far too long',
      '/embed',
      { inputs: 'a'.repeat(128_001) },
      422,
      'Input validation error: `inputs` must have less than 128000 characters. Given: 128001',
    ],
    [
      'far too long, in characters outside the basic plane',
      '/embed',
      { inputs: '\u{1F600}'.repeat(128_001) },
      422,
      'Input validation error: `inputs` must have less than 128000 characters. Given: 128001',
    ],
    ['dimensions of none', '/embed', { inputs: 'a', dimensions: 0 }, 422, 'Input validation error: `dimensions` should be positive'],
    [
      'too many dimensions',
      '/embed',
      { inputs: 'a', dimensions: 385 },
      422,
      'Input validation error: `dimensions` should be smaller than the maximum embedding dimension.',
    ],
    [
      'a prompt nobody knows',
      '/embed',
      { inputs: 'a', prompt_name: 'x' },
      422,
      'Input validation error: `default-prompt-name` is set to `x` but no prompts were found in the Sentence Transformers configuration',
    ],
    ['reranking by an embedder', '/rerank', { query: 'q', texts: ['a'] }, 424, 'model is not a re-ranker model'],
    ['sparse vectors', '/embed_sparse', { inputs: 'a' }, 424, 'Backend error: Model is not an embedding model with SPLADE pooling'],
    [
      'what the engine does not do',
      '/predict',
      { inputs: 'a' },
      424,
      'Backend error: the lexical engine of cpu-model-server does not do `predict`',
    ],
  ])('%s', async (_, path, body, status, error) => {
    await using server = await start();
    const answer = await server.post(path, body);
    expect([answer.status, answer.json().error]).toEqual([status, error]);
  });

  it('of the HTTP framework are plain text', async () => {
    await using server = await start({ payloadLimit: 100 });
    const json = { 'content-type': 'application/json' };
    for (const [body, headers, status, text] of [
      ['{"inputs":"a"}', { 'content-type': 'text/plain' }, 415, 'Expected request with `Content-Type: application/json`'],
      ['{', json, 400, 'Failed to parse the request body as JSON'],
      ['{"inputs":7}', json, 422, 'Failed to deserialize the JSON body into the target type'],
      [JSON.stringify({ inputs: 'x'.repeat(200) }), json, 413, 'Failed to buffer the request body: length limit exceeded'],
    ] as const) {
      const answer = await send(`${server.url}/embed`, body, headers);
      expect([answer.status, answer.text.startsWith(text), answer.headers.get('content-type')]).toEqual([
        status,
        true,
        'text/plain; charset=utf-8',
      ]);
    }
  });

  it('of a body that is too large leave the connection in use, with and without a declared length', async () => {
    await using server = await start({ payloadLimit: 1_000 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<Socket>();
    const exchange = async (method: string, path: string, chunks: string[], headers: Record<string, string> = {}) => {
      const sent = request(`${server.url}${path}`, { agent, method, headers: { 'content-type': 'application/json', ...headers } });
      for (const chunk of chunks) sent.write(chunk);
      sent.end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      sockets.add(answer.socket);
      return [answer.statusCode, Buffer.concat(await answer.toArray()).toString()];
    };
    const large = ['x'.repeat(600), 'x'.repeat(600), 'x'.repeat(4_000_000)];
    const tooLarge = [413, 'Failed to buffer the request body: length limit exceeded'];
    expect(await exchange('POST', '/embed', large)).toEqual(tooLarge);
    expect(await exchange('POST', '/embed', large, { 'content-length': '4001200' })).toEqual(tooLarge);
    expect(await exchange('GET', '/health', [])).toEqual([200, '']);
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it('of unknown paths, methods and keys', async () => {
    await using server = await start({ apiKey: 'k' });
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(404);
    expect((await fetch(`${server.url}/embed`)).status).toBe(405);
    expect((await server.post('/embed', { inputs: 'a' })).status).toBe(401);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    const allowed = await send(`${server.url}/embed`, '{"inputs":"a"}', { 'content-type': 'application/json', authorization: 'Bearer k' });
    expect(allowed.status).toBe(200);
  });

  it('429 for items beyond the permits, at once and as a whole', async () => {
    await using server = await start({ maxConcurrentRequests: 3 });
    const answer = await server.post('/embed', { inputs: ['a', 'b', 'c', 'd'] });
    expect([answer.status, answer.json()]).toEqual([429, { error: 'Model is overloaded', error_type: 'Overloaded' }]);
    expect((await server.post('/embed', { inputs: ['a', 'b', 'c'] })).status).toBe(200);
    expect(server.log.join('')).toContain('no permits available');
  });
});

describe('GET', () => {
  it('/info has TEI’s fields in order and says what it is', async () => {
    await using server = await start();
    const info = (await (await fetch(`${server.url}/info`)).json()) as Record<string, unknown>;
    expect(Object.keys(info)).toEqual(
      (
        'model_id model_sha model_dtype served_model_name model_type max_concurrent_requests max_input_length max_batch_tokens max_batch_requests ' +
        'max_client_batch_size auto_truncate tokenization_workers version sha docker_label'
      ).split(' '),
    );
    expect(info.docker_label).toContain('not a neural model');
  });

  it('/metrics is empty until something happened, and counts then', async () => {
    await using server = await start();
    const before = await (await fetch(`${server.url}/metrics`)).text();
    expect(before).not.toContain('te_request_count');
    await server.post('/embed', { inputs: ['a', 'b'] });
    const after = await (await fetch(`${server.url}/metrics`)).text();
    expect(after).toContain('te_request_count{method="batch"} 1');
    expect(after).toContain('te_embed_count 2');
    expect(after).toContain('te_queue_size 0');
  });
});

describe('the stop', () => {
  it('does not wait for connections that were never used', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    expect((await server.post('/embed', { inputs: 'a' })).status).toBe(200); // the connection before it was accepted by now
    await server.stop();
    socket.destroy();
  });
});

describe('trouble', () => {
  it('of memory at run time is 424, makes health 503, and leaves the process up', async () => {
    await using server = await start({ oom: 'at-run' });
    const answer = await server.post('/embed', { inputs: 'a' });
    expect([answer.status, answer.json()]).toEqual([
      424,
      { error: 'Backend error: DriverError(CUDA_ERROR_OUT_OF_MEMORY, "out of memory")', error_type: 'Backend' },
    ]);
    const health = await fetch(`${server.url}/health`);
    expect([health.status, await health.json()]).toEqual([503, { error: 'unhealthy', error_type: 'Unhealthy' }]);
  });

  it('comes the same way for the same seed', async () => {
    const statuses = async (failSeed: number) => {
      await using server = await start({ failRate: 0.5, failSeed });
      const all: number[] = [];
      for (let n = 0; n < 12; n += 1) all.push((await server.post('/embed', { inputs: 'a' })).status);
      return all;
    };
    const first = await statuses(1);
    expect(new Set(first)).toEqual(new Set([200, 424]));
    expect(await statuses(1)).toEqual(first);
  });
});

describe('the log', () => {
  it('is TEI’s, without a word of what was sent', async () => {
    await using server = await start();
    await server.post('/embed', { inputs: 'private words' });
    const lines = server.log.map((line) => line.trimEnd());
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (INFO| INFO| WARN|ERROR) .*: .*:\d+: /);
    expect(lines.findIndex((line) => /http::server: .*: Ready$/.test(line))).toBe(
      lines.findIndex((line) => line.includes('Starting HTTP server')) + 1,
    );
    expect(lines.at(-1)).toMatch(
      /INFO embed\{total_time="[^"]+" tokenization_time="[^"]+" queue_time="[^"]+" inference_time="[^"]+"\}: .*: Success$/,
    );
    expect(server.log.join('')).not.toContain('private');
  });

  it('can be JSON', async () => {
    await using server = await start({ jsonOutput: true });
    const records = server.log.map((line) => JSON.parse(line));
    expect(records.at(-1)).toMatchObject({ level: 'INFO', message: 'Ready', target: 'text_embeddings_router::http::server' });
    expect(Object.keys(records[0])).toEqual(['timestamp', 'level', 'message', 'target', 'filename', 'line_number']);
  });
});
