import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Rig, type RigOptions, startRig, testHandler } from '../src/testing/index.ts';
import { readTracing } from '../src/worker/tracing-config.ts';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status: { code: number };
}

/** A collector of OTLP over HTTP: takes JSON, remembers spans, and can refuse or never answer. */
class Collector {
  readonly spans: Span[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  resource: Record<string, unknown> = {};
  answer: (response: ServerResponse) => void = (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  requests = 0;
  readonly #server = createServer((request, response) => void this.#take(request, response));
  #look = () => {};

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async until(isMet: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#look = () => isMet() && resolve();
    this.#look();
    await promise;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests += 1;
    this.headers.push(request.headers);
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
    for (const { resource, scopeSpans } of resourceSpans) {
      this.resource = attributesOf(resource);
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
    this.answer(response);
    this.#look();
  }
}

const attributesOf = ({ attributes }: { attributes: Span['attributes'] }) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

async function startTraced(options: RigOptions = {}) {
  const collector = new Collector();
  const url = await collector.listen();
  const rig = await startRig({
    ...options,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_SAMPLER: 'always_on', ...options.env },
  });
  return {
    rig,
    collector,
    /** Stops the worker, which sends what is left. */
    async spans(): Promise<Span[]> {
      await rig.worker.stop();
      return collector.spans;
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await collector.close();
    },
  };
}

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
const handlers = [
  { ...testHandler, route: '/v1/embeddings' },
  { ...testHandler, route: '/own', respond: ({ payload, callModel }: any) => callModel('/part', { json: payload }) },
];

describe('with a collector', () => {
  it('a request is a span of its caller’s trace, and the parent of the model server’s', async () => {
    await using traced = await startTraced({ handlers, env: { OTEL_SERVICE_NAME: 'agent-brain' } });
    const { rig, collector } = traced;
    const seen: unknown[] = [];
    for (const path of ['/v1/embeddings', '/own']) {
      await rig.send(path, rig.envelope({ workload: 3, model: 'BAAI/bge-m3' }), { headers: { traceparent, tracestate: 'vendor=1' } });
      seen.push(rig.model.requests.at(-1)?.headers);
    }
    const [embeddings, own] = (await traced.spans()) as [Span, Span];
    expect([embeddings.name, own.name]).toEqual(['POST /v1/embeddings', 'POST /own']);
    for (const span of [embeddings, own]) expect(span).toMatchObject({ traceId: trace, parentSpanId: '00f067aa0ba902b7', kind: 2 });
    expect(seen).toMatchObject(
      [embeddings, own].map(({ spanId }) => ({ traceparent: `00-${trace}-${spanId}-01`, tracestate: 'vendor=1' })),
    );
    expect(attributesOf(embeddings)).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/embeddings',
      'http.response.status_code': 200,
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.request.model': 'BAAI/bge-m3',
      'vast_worker.workload': 3,
      'vast_worker.outcome': 'served',
      'vast_worker.queue_wait_seconds': expect.any(Number),
    });
    expect(BigInt(embeddings.endTimeUnixNano) >= BigInt(embeddings.startTimeUnixNano)).toBe(true);
    expect(collector.resource).toMatchObject({ 'service.name': 'agent-brain' });
  });

  it.each([
    ['served', 404, { 'http.response.status_code': 404, 'vast_worker.outcome': 'served' }, 0],
    ['errored', 500, { 'http.response.status_code': 500, 'vast_worker.outcome': 'errored', 'error.type': '500' }, 2],
  ])('a request that is %s with %i says so', async (_, status, attributes, code) => {
    await using traced = await startTraced();
    traced.rig.model.answer = ({ response }) => void response.writeHead(status).end('{}');
    await traced.rig.post('/test', {});
    const [span] = (await traced.spans()) as [Span];
    expect(attributesOf(span)).toMatchObject(attributes);
    expect(span.status.code).toBe(code);
  });

  it('a lost model server, a client that left and a refusal are named by their codes', async () => {
    await using traced = await startTraced({ perf: 1, handlers: [{ ...testHandler, maxQueueTime: 5 }] });
    const { rig } = traced;
    rig.model.hold();
    const leaving = rig.open('/test', rig.envelope({ workload: 6 }));
    await rig.model.received(1);
    expect((await rig.post('/test', { workload: 1 })).status).toBe(429);
    leaving.leave();
    await rig.untilHealth(({ openRequests }) => openRequests === 0);
    rig.model.release();
    rig.model.answer = ({ response }) => void response.destroy();
    expect((await rig.post('/test', {})).status).toBe(502);
    const spans = await traced.spans();
    expect(spans.map((span) => [attributesOf(span)['error.type'], attributesOf(span)['vast_worker.outcome'], span.status.code])).toEqual([
      ['QUEUE_TOO_LONG', 'rejected', 0],
      ['REQUEST_ABORTED', 'cancelled', 0],
      ['MODEL_SERVER_UNREACHABLE', 'errored', 2],
    ]);
  });

  it('strangers have no span, and nothing of a payload, a grant or a key is in one', async () => {
    await using traced = await startTraced({ secured: true, env: { OTEL_EXPORTER_OTLP_HEADERS: 'x-key=s%20ecret' } });
    const { rig, collector } = traced;
    const forged = { auth_data: { ...rig.grant(), signature: 'AAAA' }, payload: {} };
    expect((await rig.send('/test', JSON.stringify(forged), { headers: { traceparent } })).status).toBe(401);
    expect((await rig.send('/test', '{}')).status).toBe(422);
    await rig.post('/test', { input: 'private words', model: 'private words' });
    const spans = await traced.spans();
    expect(spans).toHaveLength(1);
    expect(JSON.stringify(spans)).not.toMatch(/private words|signature|s ecret/);
    expect(collector.headers[0]).toMatchObject({ 'x-key': 's ecret' });
  });

  it('a caller’s own decision counts, unless told otherwise', async () => {
    await using traced = await startTraced({ env: { OTEL_TRACES_SAMPLER: 'parentbased_always_off' } });
    const { rig } = traced;
    await rig.post('/test', {});
    await rig.send('/test', rig.envelope({}), { headers: { traceparent: traceparent.replace(/1$/, '0') } });
    expect(rig.model.requests.at(-1)?.headers.traceparent).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-00$`));
    await rig.send('/test', rig.envelope({}), { headers: { traceparent } });
    expect((await traced.spans()).map(({ parentSpanId }) => parentSpanId)).toEqual(['00f067aa0ba902b7']);
  });

  it('of more requests than so many a second only those have a span; callers that trace always have', async () => {
    await using traced = await startTraced({ env: { OTEL_TRACES_SAMPLER: '', OTEL_TRACES_SAMPLER_ARG: '0.001' } });
    const { rig } = traced;
    for (let count = 0; count < 3; count += 1) await rig.post('/test', {});
    await rig.send('/test', rig.envelope({}), { headers: { traceparent } });
    expect((await traced.spans()).map(({ parentSpanId }) => parentSpanId ?? '')).toEqual(['', '00f067aa0ba902b7']);
  });

  it.each([
    ['refuses', (response: ServerResponse) => void response.writeHead(400).end()],
    ['never answers', () => undefined],
  ])('that %s nothing is lost but spans, and the end is not held up', async (_, answer) => {
    await using traced = await startTraced();
    const { rig, collector } = traced;
    collector.answer = answer;
    for (let count = 0; count < 20; count += 1) expect((await rig.post('/test', {})).status).toBe(200);
    await collector.until(() => collector.requests > 0); // without being told to
    await rig.worker.stop();
    expect(rig.model.requests).toHaveLength(20);
  });

  it('that is busy for a moment gets the same spans again', async () => {
    await using traced = await startTraced();
    const { rig, collector } = traced;
    collector.answer = (response) => {
      response.writeHead(collector.requests === 1 ? 503 : 200, { 'retry-after': '0' }).end('{}');
    };
    await rig.post('/test', {});
    await collector.until(() => collector.requests === 2);
    const [first, second] = (await traced.spans()) as [Span, Span];
    expect(second).toEqual(first);
  });

  it('the metrics say how many spans left', async () => {
    await using traced = await startTraced();
    await traced.rig.post('/test', {});
    await traced.collector.until(() => traced.collector.spans.length === 1);
    let text = '';
    while (!/^vast_worker_spans_total\{result="exported"\} 1$/m.test(text)) ({ text } = await traced.rig.get('/metrics'));
  });
});

describe('without a collector', () => {
  it.each([[{}], [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }]])(
    'there is no tracing: %j',
    async (env) => {
      await using rig: Rig = await startRig({ env });
      await rig.post('/test', {});
      expect(rig.model.requests[0]?.headers).not.toHaveProperty('traceparent');
    },
  );
});

describe('the settings of tracing', () => {
  it('are OpenTelemetry’s', () => {
    expect(readTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/base/' }).tracing).toEqual({
      url: 'http://collector:4318/base/v1/traces',
      headers: {},
      serviceName: 'vast-worker',
      ratio: 1,
      spansPerSecond: 100,
      followsParent: true,
    });
    const { tracing } = readTracing({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://unused',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/take',
      OTEL_EXPORTER_OTLP_HEADERS: ' Authorization = Bearer%20abc ,x=1',
      OTEL_TRACES_SAMPLER: 'always_on',
    });
    expect(tracing).toMatchObject({
      url: 'https://collector/take',
      headers: { authorization: 'Bearer abc', x: '1' },
      ratio: 1,
      followsParent: false,
    });
  });

  it('are listed when they are wrong, all of them, and never shown where they may be secret', () => {
    const { tracing, problems } = readTracing({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'secret@collector',
      OTEL_EXPORTER_OTLP_HEADERS: 'secret',
      OTEL_TRACES_SAMPLER: 'often',
    });
    expect(tracing).toBeUndefined();
    expect(problems.map(({ where }) => where.split(' ').at(-1))).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'OTEL_TRACES_SAMPLER',
    ]);
    expect(JSON.stringify(problems)).not.toContain('secret');
  });

  it.each([
    ['parentbased_always_on', undefined, { ratio: 1, spansPerSecond: Number.POSITIVE_INFINITY, followsParent: true }],
    ['traceidratio', '0.2', { ratio: 0.2, spansPerSecond: Number.POSITIVE_INFINITY, followsParent: false }],
    ['parentbased_traceidratio', undefined, { ratio: 1, spansPerSecond: Number.POSITIVE_INFINITY, followsParent: true }],
    ['', '7', { ratio: 1, spansPerSecond: 7, followsParent: true }],
    ['traceidratio', '2', 'OTEL_TRACES_SAMPLER_ARG'],
    ['parentbased_ratelimited', '0', 'OTEL_TRACES_SAMPLER_ARG'],
    ['parentbased_ratelimited', 'many', 'OTEL_TRACES_SAMPLER_ARG'],
    ['ratelimited', '7', 'OTEL_TRACES_SAMPLER'],
  ])('say which requests have a span: %j with %j', (sampler, argument, expected) => {
    const { tracing, problems } = readTracing({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector',
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: argument,
    });
    if (typeof expected === 'string') expect(problems.map(({ where }) => where)).toEqual([`environment variable ${expected}`]);
    else expect(tracing).toMatchObject(expected);
  });
});
