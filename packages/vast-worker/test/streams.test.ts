import { gzipSync } from 'node:zlib';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { type Answer, FakeClock, type Rig, startRig, testHandler } from '../src/testing/index.ts';

/** Streams through proxies that cut silent connections, and through the end of the model server. */

const events = { 'content-type': 'text/event-stream' };

/** Writes these, then dies. */
const dyingAfter =
  (head: Record<string, string>, ...pieces: (string | Buffer)[]): Answer =>
  ({ response }) => {
    response.writeHead(200, head);
    for (const piece of pieces.slice(0, -1)) response.write(piece);
    response.write(pieces.at(-1), () => response.destroy());
  };

/** An OpenAI client that speaks to the worker: its body goes into an envelope. */
const clientOf = (rig: Rig) =>
  new OpenAI({
    apiKey: 'none',
    baseURL: rig.url,
    maxRetries: 0,
    fetch: (_url, init) => fetch(`${rig.url}/test`, { ...init, body: rig.envelope(JSON.parse(init?.body as string)) }),
  });
const chat: OpenAI.ChatCompletionCreateParamsStreaming = { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: true };
const token = (text: string) =>
  `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: text } }] })}\n\n`;

describe('a stream of events', () => {
  it('tells proxies to leave it alone; other answers keep what the model server says', async () => {
    await using rig = await startRig();
    rig.model.answer = ({ response }) => response.writeHead(200, { ...events, 'cache-control': 'no-cache' }).end('data: 1\n\n');
    expect((await rig.post('/test', {})).headers).toMatchObject({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });

    rig.model.answer = ({ response }) =>
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=5' }).end('1');
    const plain = await rig.post('/test', {});
    expect(plain.headers['cache-control']).toBe('max-age=5');
    expect(plain.headers).not.toHaveProperty('x-accel-buffering');
  });

  it('ends with an error event when the model server dies in the middle of it, and is booked as errored', async () => {
    await using rig = await startRig();
    rig.model.answer = dyingAfter(events, 'data: 1\n\n');
    const reply = await rig.post('/test', {});
    const [first, last, rest] = reply.text.split('\n\n');
    expect([reply.status, first, rest]).toEqual([200, 'data: 1', '']);
    expect(JSON.parse(last?.slice(6) ?? '').error.code).toBe('MODEL_SERVER_UNREACHABLE');
    expect((await rig.health()).workload).toMatchObject({ received: 1, errored: 1, served: 0, open: 0 });
  });

  it('keeps the error event apart from an event that broke off', async () => {
    await using rig = await startRig();
    rig.model.answer = dyingAfter(events, 'data: 1\n\n', 'data: {"half');
    expect((await rig.post('/test', {})).text).toMatch(/^data: 1\n\ndata: \{"half\n\ndata: \{"error":\{.*\}\}\n\n$/);
  });

  it('throws in the OpenAI client when the model server dies', async () => {
    await using rig = await startRig();
    rig.model.answer = dyingAfter(events, token('one'));
    const seen: unknown[] = [];
    await expect(async () => {
      for await (const chunk of await clientOf(rig).chat.completions.create(chat)) seen.push(chunk.choices[0]?.delta.content);
    }).rejects.toThrow('The model server did not answer.');
    expect(seen).toEqual(['one']);
  });

  it('is broken off where nothing can be added: compressed', async () => {
    await using rig = await startRig();
    rig.model.answer = dyingAfter({ ...events, 'content-encoding': 'gzip' }, gzipSync('data: 1\n\n').subarray(0, 12));
    await expect(rig.post('/test', {})).rejects.toThrow('aborted');
  });
});

describe('keep-alive comments', () => {
  const patient = { env: { STREAM_KEEP_ALIVE_SECONDS: '15' } };

  it('come each interval while a request waits for its first token, and not after it', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ ...patient, parts: { clock } });
    rig.model.hold();
    const open = rig.open('/test', rig.envelope({ stream: true }));
    await rig.model.received(1);
    await clock.advance(15_000);
    const { response } = await open.answer;
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(response.headers).toMatchObject({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
    const pieces = response[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe(': keep-alive\n\n');
    await clock.advance(15_000);
    expect(String((await pieces.next()).value)).toBe(': keep-alive\n\n');

    rig.model.answer = ({ response: answer }) => {
      answer.writeHead(200, events);
      answer.write('data: 1\n\n');
    };
    rig.model.release();
    expect(String((await pieces.next()).value)).toBe('data: 1\n\n');
    await clock.advance(60_000);
    rig.model.requests[0]?.response.end('data: [DONE]\n\n');
    expect(String((await pieces.next()).value)).toBe('data: [DONE]\n\n');
    expect((await pieces.next()).done).toBe(true);
    expect((await rig.health()).workload).toMatchObject({ served: 1, open: 0 });
  });

  it('come while a request waits for its turn; that it waited too long is then told in an event', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({
      ...patient,
      parts: { clock },
      handlers: [{ ...testHandler, allowParallelRequests: false, maxQueueTime: 20 }],
    });
    rig.model.hold();
    const running = rig.post('/test', {});
    await rig.model.received(1);
    const waiting = rig.post('/test', { stream: true });
    await rig.untilHealth(({ queuedRequests }) => queuedRequests === 1);
    await clock.advance(15_000);
    await clock.advance(5_000);
    const reply = await waiting;
    expect(reply.status).toBe(200);
    expect(reply.text).toMatch(/^: keep-alive\n\ndata: \{"error":\{"code":"QUEUE_TIMEOUT".*\n\n$/);
    rig.model.release();
    await running;
    expect((await rig.health()).workload).toMatchObject({ received: 2, served: 1, rejected: 1 });
  });

  it.each([
    [
      'an error of its own',
      500,
      '{"error":{"message":"out of\\n memory","code":500}}',
      'data: {"error":{"message":"out of\\n memory","code":500}}',
      { errored: 1 },
    ],
    [
      'an error that is no JSON',
      503,
      'busy',
      'data: {"error":{"message":"The model server answered 503.","type":"server_error","param":null,"code":503}}',
      { errored: 1 },
    ],
    ['an answer in one piece', 200, '{\n"a": 1\n}', 'data: {"a":1}', { served: 1 }],
  ])('are followed by one event for %s', async (_what, status, body, event, books) => {
    const clock = new FakeClock();
    await using rig = await startRig({ ...patient, parts: { clock } });
    rig.model.hold();
    const waiting = rig.post('/test', { stream: true });
    await rig.model.received(1);
    await clock.advance(15_000);
    rig.model.answer = ({ response }) => response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    rig.model.release();
    const reply = await waiting;
    expect(reply.text).toBe(`: keep-alive\n\n${event}\n\n`);
    expect((await rig.health()).workload).toMatchObject(books);
  });

  it('are skipped by the OpenAI client', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ ...patient, parts: { clock } });
    rig.model.hold();
    const streaming = clientOf(rig).chat.completions.create(chat);
    await rig.model.received(1);
    await clock.advance(15_000);
    rig.model.answer = ({ response }) => response.writeHead(200, events).end(`${token('one')}data: [DONE]\n\n`);
    rig.model.release();
    const seen = [];
    for await (const chunk of await streaming) seen.push(chunk.choices[0]?.delta.content);
    expect(seen).toEqual(['one']);
  });

  it('are for streams only, and off unless asked for: the status stays true', async () => {
    for (const [env, payload] of [
      [patient.env, {}],
      [{}, { stream: true }],
    ] as const) {
      const clock = new FakeClock();
      await using rig = await startRig({ env, parts: { clock } });
      rig.model.hold();
      const waiting = rig.post('/test', payload);
      await rig.model.received(1);
      await clock.advance(60_000);
      rig.model.answer = ({ response }) => response.writeHead(429).end('{}');
      rig.model.release();
      expect((await waiting).status).toBe(429);
    }
  });

  it('end with a client that left, and keep no worker from stopping', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ ...patient, parts: { clock } });
    rig.model.hold();
    const open = rig.open('/test', rig.envelope({ stream: true, workload: 3 }));
    await rig.model.received(1);
    await clock.advance(15_000);
    await open.answer;
    open.leave();
    await rig.model.aborted(1);
    await clock.advance(60_000);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ cancelled: 3, open: 0 });
  });
});
