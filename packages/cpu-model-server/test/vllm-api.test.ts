import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { type ModelServer, type ModelServerOptions, startModelServer } from '../src/index.ts';

interface Started extends ModelServer, AsyncDisposable {
  log: string[];
  openai: OpenAI;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<{ status: number; body: any }>;
  metric(name: string): Promise<number>;
}

async function start(options: Partial<ModelServerOptions> = {}): Promise<Started> {
  const log: string[] = [];
  const write = (text: string) => void log.push(text);
  const server = await startModelServer({ dialect: 'vllm', port: 0, ...options }, { write, writeError: write });
  return {
    ...server,
    log,
    openai: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: options.apiKey ?? 'none', maxRetries: 0 }),
    async post(path, body, headers = { 'content-type': 'application/json' }) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: text });
      const read = await answer.text();
      return { status: answer.status, body: read === '' ? '' : JSON.parse(read) };
    },
    async metric(name) {
      const lines = (await (await fetch(`${server.url}/metrics`)).text()).split('\n');
      return Number(
        lines
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')
          .at(-1),
      );
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const model = 'bluefly/lexical';
const labels = `engine="0",model_name="${model}"`;
const facts = 'Cats sleep all day. Audit logs are kept for twelve months. Backups run at night.';
const question = 'How long are audit logs kept?';
const answer = 'Audit logs are kept for twelve months.';
const messages = [
  { role: 'system' as const, content: facts },
  { role: 'user' as const, content: question },
];

describe('POST /v1/chat/completions', () => {
  it('answers the openai client from the prompt, in vLLM’s shape', async () => {
    await using server = await start();
    const completion = await server.openai.chat.completions.create({ model, messages });
    expect(completion.choices[0]?.message.content).toBe(answer);
    const { count } = (await server.post('/tokenize', { messages })).body;
    const { count: made } = (await server.post('/tokenize', { prompt: answer })).body;
    expect(completion).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: answer,
            refusal: null,
            annotations: null,
            audio: null,
            function_call: null,
            reasoning: null,
          },
          logprobs: null,
          finish_reason: 'stop',
          stop_reason: null,
          token_ids: null,
          routed_experts: null,
        },
      ],
      service_tier: null,
      system_fingerprint: expect.stringMatching(/^vllm-.*-[0-9a-f]{8}$/),
      usage: {
        prompt_tokens: count,
        completion_tokens: made + 1, // the end is a token, too
        total_tokens: count + made + 1,
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      prompt_logprobs: null,
      prompt_token_ids: null,
      prompt_text: null,
      kv_transfer_params: null,
      ec_transfer_params: null,
      metrics: null,
    });
  });

  it('streams to the openai client: the role, the text token by token, the reason, and usage when asked for', async () => {
    await using server = await start();
    const stream = await server.openai.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } });
    const chunks: any[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const [first, second] = chunks;
    const [last, usage] = chunks.slice(-2);
    const head = { id: first.id, object: 'chat.completion.chunk', created: first.created, model };
    const opening = { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null };
    expect(first).toEqual({ ...head, choices: [opening], prompt_token_ids: null, prompt_text: null });
    const text = (content: string) => ({ index: 0, delta: { content }, logprobs: null, finish_reason: null, token_ids: null });
    expect(second).toEqual({ ...head, choices: [text('Audit')] });
    expect(last).toEqual({ ...head, choices: [{ ...text(''), finish_reason: 'stop', stop_reason: null }] });
    expect(usage).toEqual({
      ...head,
      choices: [],
      usage: { prompt_tokens: expect.any(Number), completion_tokens: chunks.length - 2, total_tokens: expect.any(Number) },
      system_fingerprint: expect.any(String),
    });
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(answer);
    expect(chunks.slice(0, -1).every((chunk) => !('usage' in chunk))).toBe(true);
  });

  it('writes events of server-sent events and ends them with [DONE]', async () => {
    await using server = await start();
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages, stream: true, max_tokens: 2 }),
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = (await response.text()).split('\n\n');
    expect(events.slice(-2)).toEqual(['data: [DONE]', '']);
    expect(events.slice(0, -2).every((event) => event.startsWith('data: {'))).toBe(true);
    expect(JSON.parse((events.at(-3) as string).slice(6))).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      system_fingerprint: expect.any(String),
    });
  });

  it('reports usage with every chunk when asked to', async () => {
    await using server = await start();
    const options = { include_usage: true, continuous_usage_stats: true };
    const stream = await server.openai.chat.completions.create({ model, messages, max_tokens: 2, stream: true, stream_options: options });
    const counts: unknown[] = [];
    for await (const { usage } of stream) counts.push(usage?.completion_tokens);
    expect(counts).toEqual([0, 1, 2, 2]);
  });

  it('takes max_completion_tokens before max_tokens, and says that the length ended it', async () => {
    await using server = await start();
    const { choices, usage } = await server.openai.chat.completions.create({ model, messages, max_completion_tokens: 2, max_tokens: 9 });
    expect([choices[0]?.message.content, choices[0]?.finish_reason, usage?.completion_tokens]).toEqual(['Audit logs', 'length', 2]);
  });

  it('stops at a stop string, which is not part of the answer', async () => {
    await using server = await start();
    const { choices } = await server.openai.chat.completions.create({ model, messages, stop: ['kept', ' for'] });
    expect(choices[0]).toMatchObject({ message: { content: 'Audit logs are ' }, finish_reason: 'stop', stop_reason: 'kept' });
    const stream = await server.openai.chat.completions.create({ model, messages, stop: ' for', stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('Audit logs are kept');
  });

  it('makes n answers, each with its index, and none for greedy sampling', async () => {
    await using server = await start();
    const three = [{ role: 'user' as const, content: `${facts} Logs are written in JSON.\n${question}` }];
    const { choices } = await server.openai.chat.completions.create({ model, messages: three, n: 2 });
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, `${answer} Logs are written in JSON.`],
      [1, `Logs are written in JSON. ${answer}`],
    ]);
    const texts = ['', ''];
    for await (const { choices: parts } of await server.openai.chat.completions.create({ model, messages: three, n: 2, stream: true })) {
      for (const { index, delta } of parts) texts[index] += delta.content ?? '';
    }
    expect(texts).toEqual(choices.map(({ message }) => message.content));
    const greedy = server.openai.chat.completions.create({ model, messages, n: 2, temperature: 0 });
    await expect(greedy).rejects.toThrow('n must be 1 when using greedy sampling, got 2.');
  });

  it('reads parts of text, and refuses others', async () => {
    await using server = await start();
    const parts = [{ role: 'user' as const, content: [facts, question].map((text) => ({ type: 'text' as const, text })) }];
    expect((await server.openai.chat.completions.create({ model, messages: parts })).choices[0]?.message.content).toBe(answer);
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }];
    expect((await server.post('/v1/chat/completions', { messages: image })).status).toBe(400);
  });
});

describe('POST /v1/completions', () => {
  const prompt = `${facts}\n${question}`;

  it('makes 16 tokens unless told otherwise, in vLLM’s shape', async () => {
    await using server = await start();
    const body = { model, prompt, ignore_eos: true, max_completion_tokens: 3 };
    const completion = (await server.post('/v1/completions', body, { 'content-type': 'application/json', 'x-request-id': 'mine' })).body;
    expect(completion).toEqual({
      id: 'cmpl-mine',
      object: 'text_completion',
      created: expect.any(Number),
      model,
      choices: [
        {
          index: 0,
          text: expect.stringMatching(/^Audit logs are kept for twelve months\. Audit/),
          logprobs: null,
          finish_reason: 'length',
          stop_reason: null,
          token_ids: null,
          prompt_logprobs: null,
          prompt_token_ids: null,
          routed_experts: null,
        },
      ],
      service_tier: null,
      system_fingerprint: expect.any(String),
      usage: {
        prompt_tokens: expect.any(Number),
        completion_tokens: 16,
        total_tokens: expect.any(Number),
        prompt_tokens_details: null,
        completion_tokens_details: null,
      },
      kv_transfer_params: null,
      ec_transfer_params: null,
      metrics: null,
    });
  });

  it('streams to the openai client', async () => {
    await using server = await start();
    let text = '';
    const reasons: unknown[] = [];
    for await (const chunk of await server.openai.completions.create({ model, prompt, stream: true, max_tokens: 50 })) {
      text += chunk.choices[0]?.text ?? '';
      reasons.push(chunk.choices[0]?.finish_reason);
    }
    expect(text).toBe(answer);
    expect(reasons.slice(-2)).toEqual([null, 'stop']);
  });

  it('takes several prompts, as texts or as tokens: choice = prompt × n + sample', async () => {
    await using server = await start();
    const prompts = ['Red is a color. What is red?', 'Two is a number. What is two?'];
    const texts = await server.openai.completions.create({ model, prompt: prompts, n: 2, max_tokens: 40 });
    expect(texts.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'Red is a color.'],
      [1, 'Red is a color.'],
      [2, 'Two is a number.'],
      [3, 'Two is a number.'],
    ]);
    const ids = await Promise.all(prompts.map(async (text) => (await server.post('/tokenize', { prompt: text })).body.tokens));
    const tokens = await server.openai.completions.create({ model, prompt: ids, n: 2, max_tokens: 40 });
    expect(tokens.choices.map(({ text }) => text)).toEqual(texts.choices.map(({ text }) => text));
    expect(tokens.usage).toEqual(texts.usage);
  });

  it('repeats the prompt when asked to, alone with max_tokens 0', async () => {
    await using server = await start();
    const both = await server.openai.completions.create({ model, prompt, echo: true, max_tokens: 2 });
    expect(both.choices[0]?.text).toBe(`${prompt}Audit logs`);
    const alone = await server.openai.completions.create({ model, prompt, echo: true, max_tokens: 0 });
    expect(alone.choices[0]).toMatchObject({ text: prompt, finish_reason: 'length' });
  });
});

describe('tokens', () => {
  it('go to text and back', async () => {
    await using server = await start();
    const prompt = 'Grüße, 東京 \u{1F600}!';
    const { body } = await server.post('/tokenize', { prompt, return_token_strs: true });
    expect(body).toMatchObject({ count: body.tokens.length, max_model_len: 32_768 });
    expect(body.token_strs.join('')).toBe(prompt);
    expect((await server.post('/detokenize', { tokens: body.tokens })).body).toEqual({ prompt });
    expect((await server.post('/tokenize', { prompt })).body.token_strs).toBeNull();
  });
});

describe('GET', () => {
  it('/v1/models names the one model', async () => {
    await using server = await start({ servedModelName: 'mine', maxModelLen: 512 });
    const [only] = (await server.openai.models.list()).data;
    expect(only).toMatchObject({ id: 'mine', object: 'model', owned_by: 'vllm', root: 'mine', parent: null, max_model_len: 512 });
  });

  it('/metrics has vLLM’s names, with zeros from the start', async () => {
    await using server = await start();
    const names = [
      `vllm:num_requests_running{${labels}}`,
      `vllm:num_requests_waiting{${labels}}`,
      `vllm:kv_cache_usage_perc{${labels}}`,
      `vllm:generation_tokens_total{${labels}}`,
      `vllm:request_success_total{${labels},finished_reason="length"}`,
      `vllm:time_to_first_token_seconds_count{${labels}}`,
    ];
    for (const name of names) expect([name, await server.metric(name)]).toEqual([name, 0]);
    const { usage } = await server.openai.chat.completions.create({ model, messages, max_tokens: 5 });
    expect(await server.metric(`vllm:prompt_tokens_total{${labels}}`)).toBe(usage?.prompt_tokens);
    expect(await server.metric(`vllm:generation_tokens_total{${labels}}`)).toBe(5);
    expect(await server.metric(`vllm:request_success_total{${labels},finished_reason="length"}`)).toBe(1);
    expect(await server.metric(`vllm:inter_token_latency_seconds_count{${labels}}`)).toBe(4);
  });

  it('/health, /ping and /version', async () => {
    await using server = await start();
    for (const path of ['/health', '/ping']) {
      const health = await fetch(`${server.url}${path}`);
      expect([health.status, await health.text()]).toEqual([200, '']);
    }
    expect(await (await fetch(`${server.url}/version`)).json()).toEqual({ version: expect.stringContaining('cpu-model-server') });
  });
});

describe('refusals', () => {
  const chat = '/v1/chat/completions';
  const text = '/v1/completions';
  const messagesOnly = { messages };
  it.each<[string, string, unknown, number, string, string, string | null]>([
    ['an unknown model', chat, { ...messagesOnly, model: 'x' }, 404, 'NotFoundError', 'The model `x` does not exist.', 'model'],
    [
      'no messages',
      chat,
      {},
      400,
      'Bad Request',
      "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required'}",
      null,
    ],
    ['several wrong fields at once', chat, { messages: 'x', n: 'y' }, 400, 'Bad Request', '2 validation errors:\n', null],
    [
      'no JSON',
      chat,
      '{',
      400,
      'Bad Request',
      "1 validation error:\n  {'type': 'json_invalid', 'loc': ('body',), 'msg': 'JSON decode error'}",
      null,
    ],
    ['no prompt', text, {}, 400, 'Bad Request', '1 validation error:', null],
    ['an empty prompt', text, { prompt: [] }, 400, 'BadRequestError', 'The decoder prompt cannot be empty', 'prompt'],
    ['too hot', chat, { ...messagesOnly, temperature: 3 }, 400, 'BadRequestError', 'temperature must be in [0, 2], got 3.', 'temperature'],
    ['no tokens', chat, { ...messagesOnly, max_tokens: 0 }, 400, 'BadRequestError', 'max_tokens must be at least 1, got 0.', 'max_tokens'],
    ['an empty stop string', chat, { ...messagesOnly, stop: [''] }, 400, 'BadRequestError', 'stop cannot contain an empty string.', null],
    [
      'too many stop strings',
      chat,
      { ...messagesOnly, stop: [...'abcde'] },
      400,
      'BadRequestError',
      'stop must have at most 4 strings, got 5.',
      'stop',
    ],
    [
      'stream options without a stream',
      chat,
      { ...messagesOnly, stream_options: { include_usage: true } },
      400,
      'Bad Request',
      "1 validation error:\n  {'type': 'value_error', 'loc': ('body',), 'msg': 'Value error, Stream options can only be defined when `stream=True`.'}",
      null,
    ],
    ['a suffix', text, { prompt: 'a', suffix: 'b' }, 400, 'BadRequestError', 'suffix is not currently supported', 'suffix'],
    [
      'a schema for the answer',
      chat,
      { ...messagesOnly, response_format: { type: 'json_object' } },
      400,
      'BadRequestError',
      'response_format is not supported by the engines of cpu-model-server',
      'response_format',
    ],
    ['log probabilities', chat, { ...messagesOnly, logprobs: true }, 400, 'BadRequestError', 'logprobs is not supported', 'logprobs'],
    [
      'tools',
      chat,
      { ...messagesOnly, tools: [{ type: 'function', function: { name: 'f' } }] },
      400,
      'BadRequestError',
      '"auto" tool choice requires',
      null,
    ],
    ['tokens that are none', text, { prompt: [7] }, 400, 'BadRequestError', 'Token id 7 is out of vocabulary', null],
    ['too many prompts', text, { prompt: Array(1025).fill('a') }, 400, 'Bad Request', '1 validation error:', null],
    [
      'more than the context',
      text,
      { prompt: 'a', max_tokens: 32_768 },
      400,
      'BadRequestError',
      "This model's maximum context length is 32768 tokens. However, you requested 32768 output tokens and your prompt contains 1 input " +
        'tokens, for a total of 32769 tokens.',
      'input_tokens',
    ],
  ])('%s', async (_, path, body, status, type, message, param) => {
    await using server = await start();
    const refusal = await server.post(path, body);
    expect(refusal).toEqual({ status, body: { error: { message: expect.stringContaining(message), type, param, code: status } } });
  });

  it('nothing that asks for nothing', async () => {
    await using server = await start();
    const body = { messages, logprobs: false, response_format: { type: 'text' }, tools: [], logit_bias: null, best_of: 3, unheard_of: 1 };
    expect((await server.post(chat, body)).status).toBe(200);
  });

  it('unknown paths and methods in FastAPI’s words', async () => {
    await using server = await start();
    expect(await server.post('/v1/embeddings', {})).toEqual({ status: 404, body: { detail: 'Not Found' } });
    expect(await server.post('/health', {})).toEqual({ status: 405, body: { detail: 'Method Not Allowed' } });
  });

  it('bodies that are no JSON or too large, and goes on', async () => {
    await using server = await start({ payloadLimit: 100 });
    const plain = await server.post(chat, '{}', { 'content-type': 'text/plain' });
    expect([plain.status, plain.body.error.message]).toEqual([400, expect.stringContaining("Only 'application/json' is allowed")]);
    expect((await server.post(chat, { messages, more: 'x'.repeat(2_000_000) })).status).toBe(413);
    expect((await server.post('/tokenize', { prompt: 'a' })).status).toBe(200);
  });

  it('a missing key, under /v1 alone, with a string for an error', async () => {
    await using server = await start({ apiKey: 'k' });
    expect(await server.post(chat, { messages })).toEqual({ status: 401, body: { error: 'Unauthorized' } });
    expect((await server.openai.chat.completions.create({ model, messages })).choices).toHaveLength(1);
    expect((await server.post('/tokenize', { prompt: 'a' })).status).toBe(200);
  });
});

describe('a client that leaves', () => {
  it('stops the generation of its stream, and of its plain answer', async () => {
    await using server = await start({ latencyPerTokenUs: 1_000 });
    const endless = { model, messages, max_tokens: 30_000, ignore_eos: true } as OpenAI.ChatCompletionCreateParamsNonStreaming;
    const stream = await server.openai.chat.completions.create({ ...endless, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break; // which aborts the request
    const left = new AbortController();
    const plain = server.openai.chat.completions.create(endless, { signal: left.signal });
    while ((await server.metric(`vllm:num_requests_running{${labels}}`)) === 0);
    left.abort();
    await expect(plain).rejects.toThrow('aborted');
    while ((await server.metric(`vllm:request_success_total{${labels},finished_reason="abort"}`)) < 2);
    expect(await server.metric(`vllm:num_requests_running{${labels}}`)).toBe(0);
    expect(await server.metric(`vllm:kv_cache_usage_perc{${labels}}`)).toBe(0);
    expect(await server.metric(`vllm:generation_tokens_total{${labels}}`)).toBeLessThan(30_000);
  });

  it('frees its place in the queue', async () => {
    await using server = await start({ maxNumSeqs: 1, latencyPerTokenUs: 1_000 });
    const endless = { model, messages, max_tokens: 30_000, ignore_eos: true };
    const first = await server.openai.chat.completions.create({ ...endless, stream: true });
    const left = new AbortController();
    const second = server.openai.chat.completions.create(endless, { signal: left.signal });
    while ((await server.metric(`vllm:num_requests_waiting{${labels}}`)) !== 1);
    left.abort();
    await expect(second).rejects.toThrow('aborted');
    while ((await server.metric(`vllm:num_requests_waiting{${labels}}`)) !== 0);
    first.controller.abort();
    expect((await server.openai.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe(answer);
  });
});

describe('trouble', () => {
  it('of single requests is 500, in a stream an event; the engine lives', async () => {
    await using server = await start({ failAfter: 0 });
    const error = { message: 'failing on purpose (--fail-rate or --fail-after)', type: 'InternalServerError', param: null, code: 500 };
    expect(await server.post('/v1/chat/completions', { messages })).toEqual({ status: 500, body: { error } });
    const stream = await server.openai.chat.completions.create({ model, messages, stream: true });
    const read = (async () => {
      for await (const _ of stream);
    })();
    await expect(read).rejects.toThrow('failing on purpose');
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  it('of the engine: its death ends everything with 500, and makes health 503', async () => {
    await using server = await start({ engineDeathAfter: 1, latencyPerTokenUs: 1_000, watchdogMs: 600_000 });
    const endless = { model, messages, max_tokens: 30_000, ignore_eos: true };
    const other = server.post('/v1/completions', { prompt: 'a', max_tokens: 30_000, ignore_eos: true });
    while ((await server.metric(`vllm:num_requests_running{${labels}}`)) === 0);
    const stream = await server.openai.chat.completions.create({ ...endless, stream: true } as OpenAI.ChatCompletionCreateParamsStreaming);
    let text = '';
    const read = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    const words = 'EngineCore encountered an issue. See stack trace (above) for the root cause.';
    await expect(read).rejects.toThrow(words);
    expect(text).toBe('Audit');
    const error = { message: words, type: 'InternalServerError', param: null, code: 500 };
    expect(await other).toEqual({ status: 500, body: { error } });
    const health = await fetch(`${server.url}/health`);
    expect([health.status, await health.text()]).toEqual([503, '']);
    expect(await server.post('/v1/chat/completions', { messages, stream: true })).toEqual({ status: 500, body: { error } });
    expect(server.log.join('')).toMatch(/EngineCore encountered a fatal error\.\r\n.*AsyncLLM output_handler failed\./s);
  });
});

describe('the stop', () => {
  it('aborts what is in flight, which is told its reason', async () => {
    const server = await start({ latencyPerTokenUs: 1_000 });
    const endless = server.post('/v1/completions', { prompt: 'a', max_tokens: 30_000, ignore_eos: true });
    while ((await server.metric(`vllm:num_requests_running{${labels}}`)) === 0);
    await server.stop();
    expect((await endless).body.choices[0].finish_reason).toBe('abort');
  });

  it('lets it finish when it was given time', async () => {
    const server = await start({ latencyPerTokenUs: 10_000, shutdownTimeout: 60 });
    const finite = server.post('/v1/completions', { prompt: 'a', max_tokens: 8, ignore_eos: true });
    while ((await server.metric(`vllm:num_requests_running{${labels}}`)) === 0);
    await server.stop();
    expect((await finite).body.choices[0].finish_reason).toBe('length');
  });
});

describe('the log', () => {
  it('tells who asked for what and with which result, and not a word of what was said', async () => {
    await using server = await start();
    await server.openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'private words' }], stream: true });
    await server.post('/v1/completions?key=secret', { prompt: 'private words', model: 'x' });
    const log = server.log.join('');
    expect(log).toMatch(/\(APIServer pid=\d+\) INFO: {5}127\.0\.0\.1:\d+ - "POST \/v1\/chat\/completions HTTP\/1\.1" 200 OK\n/);
    expect(log).toMatch(/ - "POST \/v1\/completions HTTP\/1\.1" 404 Not Found\n/);
    expect(log).not.toContain('private');
    expect(log).not.toContain('secret');
  });

  it('has a line of statistics unless idle', async () => {
    await using server = await start({ logStatsInterval: 0.01 });
    await server.openai.chat.completions.create({ model, messages });
    const line =
      /INFO \d\d-\d\d \d\d:\d\d:\d\d \[loggers\.py:310\] Engine 000: Avg prompt throughput: [\d.]+ tokens\/s, Avg generation throughput: [\d.]+ tokens\/s, Running: \d+ reqs, Waiting: 0 reqs, GPU KV cache usage: [\d.]+%, Prefix cache hit rate: 0\.0%\n/;
    while (!server.log.some((text) => line.test(text))) await fetch(`${server.url}/health`);
  });
});
