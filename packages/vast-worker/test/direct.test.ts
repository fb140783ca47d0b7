import { once } from 'node:events';
import { rename } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashOfKey, makeKey } from '../src/adapters/api-keys.ts';
import { systemClock } from '../src/adapters/clock.ts';
import { createVastWorker } from '../src/index.ts';
import { FakeAccessTeam } from '../src/testing/fake-access-team.ts';
import { type Reply, type Rig, type RigOptions, replyOf, silentParts, startRig, temporaryFolder } from '../src/testing/index.ts';
import type { DirectPorts } from '../src/worker/run-worker.ts';

const [alice, bob] = [makeKey(), makeKey()];
const quotas = [{ of: 'requests', limit: 2, per: 'minute' }];
const apiKeys = JSON.stringify([
  { id: 'alice', hashes: [hashOfKey(alice)] },
  { id: 'bob', hashes: [hashOfKey(bob)], quotas },
]);
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

interface Asked {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
}

/** A worker with a listener of each trust source beside its public port. */
async function startDirectRig(options: RigOptions = {}) {
  const team = new FakeAccessTeam();
  const [folder] = await Promise.all([temporaryFolder(), team.listen()]);
  const socketPath = join(folder.path, 'worker.sock');
  const time = { now: Date.now() };
  const rig = await startRig({
    ...options,
    parts: { clock: { ...systemClock, now: () => time.now } },
    env: {
      API_KEYS: apiKeys,
      API_KEYS_PORT: '0',
      CF_ACCESS_TEAM: `${team.url}/`,
      CF_ACCESS_AUDIENCE: team.audience,
      CF_ACCESS_PORT: '0',
      TAILSCALE_SOCKET: socketPath,
      ...options.env,
    },
  });
  const ports = await rig.worker.directPorts();
  const ask = async (
    to: keyof DirectPorts,
    body: unknown,
    { path = '/test', method = 'POST', headers = {} }: Asked = {},
  ): Promise<Reply> => {
    const place = to === 'tailscale' ? { socketPath } : { host: '127.0.0.1', port: ports[to] };
    const outgoing = httpRequest({ ...place, path, method, headers, agent: false });
    outgoing.end(method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : undefined);
    const [response] = await once(outgoing, 'response');
    return replyOf(response);
  };
  return {
    rig,
    team,
    /** Stands still until a test turns it. */
    time,
    ports,
    socketPath,
    ask,
    /** Credentials that are good at their own listener. */
    credentials: async (): Promise<Record<keyof DirectPorts, Record<string, string>>> => ({
      'api-keys': bearer(alice),
      'cloudflare-access': { 'cf-access-jwt-assertion': await team.sign(time.now) },
      tailscale: { 'tailscale-user-login': 'alice@example.com' },
    }),
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await Promise.all([team.close(), folder[Symbol.asyncDispose]()]);
    },
  };
}

const sources = ['api-keys', 'cloudflare-access', 'tailscale'] as const;
const codeOf = (reply: Reply) => reply.json().error.code as string;
const metric = async (rig: Rig, line: string) =>
  Number(new RegExp(`^${line.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec((await rig.get('/metrics')).text)?.[1]);

describe('direct mode', () => {
  it('is off unless somebody is trusted', async () => {
    await using rig = await startRig();
    expect(await rig.worker.directPorts()).toEqual({});
  });

  it.each(sources)('serves the plain body of the model’s own API to whom %s vouches for, with the bytes it came in', async (source) => {
    await using direct = await startDirectRig();
    const { rig, ask, credentials } = direct;
    const body = '{ "seed": 12345678901234567890, "t": 1.0 }';
    const reply = await ask(source, body, { headers: (await credentials())[source] });

    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({ echo: body });
    expect(rig.model.requests.map(({ path }) => path)).toEqual(['/test']);
  });

  it.each(sources)('trusts at the listener of %s nobody else’s credentials', async (source) => {
    await using direct = await startDirectRig();
    const { rig, ask, credentials } = direct;
    const { [source]: own, ...others } = await credentials();
    const forged = Object.assign({}, ...Object.values(others)) as Record<string, string>;

    expect((await ask(source, {}, { headers: forged })).json()).toMatchObject({ error: { code: 'CALLER_UNKNOWN' } });
    expect(codeOf(await ask(source, {}))).toBe('CALLER_UNKNOWN');
    expect(rig.model.requests).toEqual([]);
    expect((await ask(source, {}, { headers: { ...forged, ...own } })).status).toBe(200);
  });

  it('trusts nothing but an envelope on the public port, whatever the headers say', async () => {
    await using direct = await startDirectRig({ secured: true });
    const { rig, credentials } = direct;
    const headers = Object.assign({}, ...Object.values(await credentials())) as Record<string, string>;

    expect(codeOf(await rig.send('/test', '{"workload":1}', { headers }))).toBe('ENVELOPE_INVALID');
    const unsigned = JSON.stringify({ auth_data: { ...rig.grant(), signature: 'AAAA' }, payload: {} });
    expect(codeOf(await rig.send('/test', unsigned, { headers }))).toBe('SIGNATURE_INVALID');
    expect(codeOf(await rig.send('/v1/models', '', { method: 'GET', headers }))).toBe('ROUTE_UNKNOWN');
    expect(rig.model.requests).toEqual([]);
    expect((await rig.send('/test', rig.envelope({}), { headers })).status).toBe(200);
    expect(await metric(rig, 'vast_worker_caller_requests_total{caller="key:alice",outcome="served"}')).toBe(0);
  });

  it('passes no header of the caller on: not who it is, not what it showed', async () => {
    await using direct = await startDirectRig();
    const { rig, ask, credentials } = direct;
    const all = await credentials();
    for (const source of sources) await ask(source, {}, { headers: { ...all[source], cookie: 'a=b', 'x-forwarded-for': '203.0.113.7' } });
    await rig.send('/test', rig.envelope({}), { headers: Object.assign({}, ...Object.values(all)) as Record<string, string> });

    expect(rig.model.requests).toHaveLength(4);
    for (const { headers } of rig.model.requests) {
      expect(Object.keys(headers).sort()).toEqual(['connection', 'content-length', 'content-type', 'host']);
    }
  });

  it('listens on the loopback interface alone', async () => {
    await using direct = await startDirectRig();
    const { ports, credentials } = direct;
    const { 'api-keys': headers } = await credentials();
    // The whole of 127.0.0.0/8 is this machine: a listener on all interfaces would answer here too.
    const outgoing = httpRequest({ host: '127.0.0.2', port: ports['api-keys'], path: '/test', method: 'POST', headers, agent: false });
    outgoing.end('{}');
    const [error] = await once(outgoing, 'error');
    expect((error as NodeJS.ErrnoException).code).toMatch(/ECONNREFUSED|EADDRNOTAVAIL/);
  });

  it('takes a body with auth_data for an envelope, always', async () => {
    await using direct = await startDirectRig({ secured: true });
    const { rig, ask } = direct;
    const headers = bearer(alice);
    const forged = { auth_data: { ...rig.grant(), signature: 'AAAA' }, payload: {} };

    expect(codeOf(await ask('api-keys', forged, { headers }))).toBe('SIGNATURE_INVALID');
    for (const body of ['{"auth_data":null,"input":"a"}', '{"input":"a","auth_dat\\u0061":{}}', '{"auth_data":{},"auth_data":{}}']) {
      expect(codeOf(await ask('api-keys', body, { headers }))).toBe('ENVELOPE_INVALID');
    }
    expect(rig.model.requests).toEqual([]);
    expect((await ask('api-keys', rig.envelope({ a: 1 }), { headers })).json()).toEqual({ echo: '{"a":1}' });
    expect((await ask('api-keys', { nested: { auth_data: 1 } }, { headers })).status).toBe(200);
  });

  it.each([
    ['no JSON', '{"a":', 'expected a JSON object'],
    ['brackets that do not fit', '{"a":[}]}', 'expected a JSON object'],
    ['a list', '[1]', 'expected a JSON object'],
    ['nothing', '', 'expected a JSON object'],
    ['too much nesting', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, 'expected at most 64 levels of nesting'],
  ])('refuses %s with 422', async (_, body, message) => {
    await using direct = await startDirectRig();
    const reply = await direct.ask('api-keys', body, { headers: bearer(alice) });
    expect(reply.status).toBe(422);
    expect(reply.json().error).toMatchObject({ code: 'PAYLOAD_INVALID', details: [{ path: '', message }] });
  });

  it('is in the books and in the reported load, and in nothing that goes by the control plane’s numbers', async () => {
    await using direct = await startDirectRig({ secured: true });
    const { rig, ask } = direct;
    const { model, controlPlane } = rig;
    model.hold();
    const plain = ask('api-keys', { workload: 40 }, { headers: bearer(alice) });
    await model.received(1);
    const routed = rig.send('/test', JSON.stringify({ auth_data: rig.grant({ requestIdx: 77 }), payload: { workload: 2 } }));
    await model.received(2);

    const busy = await controlPlane.status(({ cur_load }) => cur_load === 42);
    expect(busy).toMatchObject({ num_requests_working: 2, working_request_idxs: [77] });
    model.release();
    expect((await plain).status).toBe(200);
    expect((await routed).status).toBe(200);
    await controlPlane.until(() => controlPlane.sumOf('cur_perf') === 42 && controlPlane.deletedRequests.length > 0);
    expect(controlPlane.sumOf('new_load')).toBe(42);
    expect(controlPlane.deletedRequests.map(({ request_idx }) => request_idx)).toEqual([77]);
    expect((await rig.health()).workload).toMatchObject({ received: 42, served: 42, open: 0 });
  });

  it('ends a call to the model server when its client leaves, and books it as cancelled', async () => {
    await using direct = await startDirectRig();
    const { rig, ports } = direct;
    rig.model.hold();
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: ports['api-keys'],
      path: '/test',
      method: 'POST',
      headers: bearer(alice),
      agent: false,
    });
    outgoing.on('error', () => undefined);
    outgoing.end('{"workload":3}');
    await rig.model.received(1);
    outgoing.destroy();
    await rig.model.aborted(1);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ received: 3, cancelled: 3 });
    expect(await metric(rig, 'vast_worker_caller_workload_total{caller="key:alice",outcome="cancelled"}')).toBe(3);
  });

  it('shares the worker between callers and everybody else by the same admission', async () => {
    await using direct = await startDirectRig({
      perf: 10,
      handlers: [
        { route: '/test', allowParallelRequests: true, maxQueueTime: 10, workloadCalculator: ({ workload }) => workload as number },
      ],
    });
    const { rig, ask, credentials } = direct;
    rig.model.hold();
    const headers = bearer(alice);
    const open = ask('api-keys', { workload: 60 }, { headers }); // six seconds of ten: from half of them on it is about shares
    await rig.model.received(1);
    const refused = await ask('api-keys', { workload: 1 }, { headers });
    expect([codeOf(refused), refused.headers['retry-after']]).toEqual(['SHARE_EXCEEDED', '1']);
    const other = ask('tailscale', { workload: 50 }, { headers: (await credentials()).tailscale });
    await rig.model.received(2);
    expect(codeOf(await rig.post('/test', { workload: 1 }))).toBe('QUEUE_TOO_LONG');
    rig.model.release();
    expect([(await open).status, (await other).status]).toEqual([200, 200]);
    expect(await metric(rig, 'vast_worker_caller_requests_total{caller="key:alice",outcome="rejected"}')).toBe(1);
  });

  it('checks a handler’s schema and runs its parser on the plain body', async () => {
    const { z } = await import('zod');
    await using direct = await startDirectRig({
      handlers: [{ route: '/test', payload: z.looseObject({ input: z.string() }), requestParser: ({ input }) => ({ inputs: input }) }],
    });
    const headers = bearer(alice);
    expect((await direct.ask('api-keys', { input: 'a' }, { headers })).json()).toEqual({ echo: '{"inputs":"a"}' });
    expect((await direct.ask('api-keys', { input: 1 }, { headers })).json().error).toMatchObject({
      code: 'PAYLOAD_INVALID',
      details: [{ path: 'input' }],
    });
  });
});

describe('guessing', () => {
  it('is slowed down without a moment’s wait for who has a key, and leaves nothing behind', async () => {
    await using direct = await startDirectRig();
    const { rig, time, ask } = direct;
    const guess = async (count: number) => {
      const answers: Reply[] = [];
      while (answers.length < count) answers.push(await ask('api-keys', {}, { headers: bearer(makeKey()) }));
      return answers;
    };
    const series = async () => (await rig.get('/metrics')).text.split('\n').filter((line) => !/^#|_(nodejs|process)_/.test(line)).length;
    expect((await ask('api-keys', {}, { headers: bearer(alice) })).status).toBe(200);
    const [first, ...others] = await guess(100);
    const seriesBefore = await series();

    expect([first as Reply, ...others].map(codeOf)).toEqual([...Array(50).fill('CALLER_UNKNOWN'), ...Array(50).fill('TOO_MANY_FAILURES')]);
    expect(others.at(-1)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    await guess(100);
    expect((await ask('api-keys', {}, { headers: bearer(alice) })).status).toBe(200);
    expect(await series()).toBe(seriesBefore);
    time.now += 1_000;
    expect((await guess(6)).map(codeOf)).toEqual([...Array(5).fill('CALLER_UNKNOWN'), 'TOO_MANY_FAILURES']);
    const shown = (await rig.get('/metrics')).text;
    for (const secret of [alice, hashOfKey(alice).slice(7)]) expect(shown).not.toContain(secret);
    expect((await rig.health()).requestsReceived).toBe(2);
  });

  it('at other listeners is counted there', async () => {
    await using direct = await startDirectRig();
    for (let count = 0; count < 60; count += 1)
      await direct.ask('cloudflare-access', {}, { headers: { 'cf-access-jwt-assertion': `guess-${count}` } });
    expect(codeOf(await direct.ask('cloudflare-access', {}))).toBe('TOO_MANY_FAILURES');
    expect(codeOf(await direct.ask('api-keys', {}))).toBe('CALLER_UNKNOWN');
  });

  it('tells nothing of which paths there are', async () => {
    await using direct = await startDirectRig();
    for (const path of ['/test', '/v1/models', '/nothing', '/health', '/metrics', '/metrics/model', '/session/create']) {
      for (const method of ['GET', 'POST']) expect(codeOf(await direct.ask('api-keys', {}, { path, method }))).toBe('CALLER_UNKNOWN');
    }
  });
});

describe('quotas', () => {
  it('end in 429 that says when to come again, are of one key alone, and are in no book', async () => {
    await using direct = await startDirectRig();
    const { rig, time, ask } = direct;
    for (let count = 0; count < 2; count += 1) expect((await ask('api-keys', { workload: 5 }, { headers: bearer(bob) })).status).toBe(200);
    const refused = await ask('api-keys', { workload: 5 }, { headers: bearer(bob) });

    expect([refused.status, codeOf(refused)]).toEqual([429, 'QUOTA_EXCEEDED']);
    expect(refused.headers['retry-after']).toBe('30');
    expect((await ask('api-keys', { workload: 5 }, { headers: bearer(alice) })).status).toBe(200);
    expect((await rig.health()).workload).toMatchObject({ received: 15, served: 15, rejected: 0 });
    expect(await metric(rig, 'vast_worker_caller_requests_total{caller="key:bob",outcome="served"}')).toBe(2);
    expect(await metric(rig, 'vast_worker_caller_workload_total{caller="key:bob",outcome="served"}')).toBe(10);
    expect(await metric(rig, 'vast_worker_caller_requests_total{caller="key:bob",outcome="over_quota"}')).toBe(1);
    expect(await metric(rig, 'vast_worker_refused_total{code="QUOTA_EXCEEDED"}')).toBe(1);
    time.now += 30_000;
    expect((await ask('api-keys', { workload: 5 }, { headers: bearer(bob) })).status).toBe(200);
    expect(codeOf(await ask('api-keys', { workload: 5 }, { headers: bearer(bob) }))).toBe('QUOTA_EXCEEDED');
  });

  it('are charged by what the model server is asked about itself, too', async () => {
    await using direct = await startDirectRig();
    const ask = () => direct.ask('api-keys', undefined, { path: '/info', method: 'GET', headers: bearer(bob) });
    direct.rig.model.info = { model_id: 'm' };
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
    const refused = await ask();
    expect([refused.status, codeOf(refused)]).toEqual([429, 'QUOTA_EXCEEDED']);
    expect(refused.headers['retry-after']).toBe('30');
  });
});

describe('GET on a listener of direct mode', () => {
  it('passes on what the model server says of itself, and books nothing', async () => {
    await using direct = await startDirectRig();
    const { rig, ask } = direct;
    rig.model.info = { model_id: 'BAAI/bge-base-en-v1.5' };
    const reply = await ask('api-keys', undefined, { path: '/info?x=1', method: 'GET', headers: bearer(alice) });
    expect([reply.status, reply.json()]).toEqual([200, { model_id: 'BAAI/bge-base-en-v1.5' }]);
    expect((await ask('api-keys', undefined, { path: '/v1/models', method: 'GET', headers: bearer(alice) })).status).toBe(404); // the fake has none
    expect((await rig.health()).requestsReceived).toBe(0);
  });

  it('answers 404 and 405 elsewhere, and 502 when there is no model server', async () => {
    await using direct = await startDirectRig();
    const { rig, ask } = direct;
    const get = async (path: string, method = 'GET') => codeOf(await ask('api-keys', {}, { path, method, headers: bearer(alice) }));
    expect(await get('/docs')).toBe('ROUTE_UNKNOWN');
    expect(await get('/v1/models/../../docs')).toBe('ROUTE_UNKNOWN');
    expect(await get('/health')).toBe('ROUTE_UNKNOWN');
    expect(await get('/test')).toBe('METHOD_NOT_ALLOWED');
    expect(await get('/v1/models', 'POST')).toBe('METHOD_NOT_ALLOWED');
    await rig.model.kill();
    expect(await get('/v1/models')).toBe('MODEL_SERVER_UNREACHABLE');
  });
});

describe('the Unix socket for Tailscale', () => {
  it('is taken over from a process that was killed, and is gone after the worker', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'worker.sock');
    const killed = createServer().listen(`${path}.first`);
    await once(killed, 'listening');
    await rename(`${path}.first`, path); // closing it finds nothing to take away: a socket without a listener stays
    killed.close();
    await once(killed, 'close');
    const first = await startRig({ env: { TAILSCALE_SOCKET: path } });
    const env = { UNSECURED: 'true', WORKER_HOST: '127.0.0.1', WORKER_PORT: '0', TAILSCALE_SOCKET: path };
    const second = createVastWorker({ handlers: [{ route: '/test' }] }, { env, handleSignals: false, parts: silentParts });
    await expect(second.run()).rejects.toThrow(
      `environment variable TAILSCALE_SOCKET: expected a path for a socket, found ${path}, which is in use`,
    );
    await first[Symbol.asyncDispose]();
    await using _third = await startRig({ env: { TAILSCALE_SOCKET: path } });
  });
});
