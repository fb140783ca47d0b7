import { describe, expect, it } from 'vitest';
import { FakeClock, type Rig, startRig, testHandler } from '../src/testing/index.ts';

type Grant = Record<string, unknown>;

const create = (rig: Rig, auth: Grant, payload: object = {}) => rig.send('/session/create', JSON.stringify({ auth_data: auth, payload }));
const ask = (rig: Rig, what: 'get' | 'health' | 'end', session_id: string, session_auth: unknown) =>
  rig.send(`/session/${what}`, JSON.stringify({ session_id, session_auth }));
const inSession = (rig: Rig, auth: Grant, session_id: string, payload: object = {}) =>
  rig.send('/test', JSON.stringify({ auth_data: auth, payload, session_id }));

describe('a session', () => {
  it('is created, used, looked at and ended by who holds its grant', async () => {
    await using rig = await startRig({ secured: true });
    const auth = rig.grant({ cost: 50, requestIdx: 77 });
    const created = await create(rig, auth, { lifetime: 30 });
    expect(created.status).toBe(201);
    const { session_id: id, expiration } = created.json();
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(expiration * 1000 - Date.now()).toBeGreaterThan(20_000);

    expect((await ask(rig, 'get', id, auth)).json()).toMatchObject({ session_id: id, auth_data: auth, lifetime: 30, on_close_route: null });
    expect((await ask(rig, 'health', id, auth)).json()).toEqual({ ok: true });
    expect((await inSession(rig, auth, id, { workload: 4 })).status).toBe(200);
    expect((await rig.health()).workload).toMatchObject({ received: 54, served: 4, open: 50 });
    expect((await ask(rig, 'end', id, auth)).json()).toEqual({ ended: true, removed_session: id });

    expect((await ask(rig, 'health', id, auth)).json()).toEqual({ ok: false });
    expect((await ask(rig, 'get', id, auth)).json().error.code).toBe('SESSION_NOT_FOUND');
    expect((await inSession(rig, auth, id)).json().error.code).toBe('SESSION_UNKNOWN');
    await rig.controlPlane.until(() => rig.controlPlane.deletedRequests.length === 1);
    expect(rig.controlPlane.deletedRequests).toMatchObject([{ request_idx: 77, status: 'Success' }]); // its requests are not listed
    expect((await rig.health()).workload).toMatchObject({ received: 54, served: 54, open: 0 });
  });

  it('reserves its cost in cur_load, and nobody waits behind it', async () => {
    await using rig = await startRig({ secured: true, perf: 10, handlers: [{ ...testHandler, maxQueueTime: 5 }] });
    await create(rig, rig.grant({ cost: 1000 }));
    await rig.controlPlane.status(({ cur_load, num_requests_working }) => cur_load === 1000 && num_requests_working === 1);
    expect((await rig.post('/test', {})).status).toBe(200);
  });

  it('shows nothing to strangers: every route verifies the signature first', async () => {
    await using rig = await startRig({ secured: true });
    const forged = { ...rig.grant(), url: 'http://somebody.else:1' };
    const { session_id: id } = (await create(rig, rig.grant())).json();
    for (const reply of [
      await create(rig, forged),
      await ask(rig, 'get', id, forged),
      await ask(rig, 'health', id, forged),
      await ask(rig, 'health', 'nope', forged),
      await ask(rig, 'end', id, forged),
      await inSession(rig, forged, 'nope'),
    ]) {
      expect([reply.status, reply.json().error.code]).toEqual([401, 'SIGNATURE_INVALID']);
    }
    expect((await rig.health()).workload).toMatchObject({ received: 1, rejected: 0 });
  });

  it('knows its own grant, whatever the order of keys, and no other', async () => {
    await using rig = await startRig({ secured: true });
    const auth = { ...rig.grant({ cost: 100 }), __request_id: 'a', nested: { x: [1, 2], y: 1 } };
    const { session_id: id } = (await create(rig, auth)).json();
    const shuffled = Object.fromEntries(Object.entries({ ...auth, nested: { y: 1, x: [1, 2] } }).reverse());
    expect((await ask(rig, 'get', id, shuffled)).status).toBe(200);
    const spelled = JSON.stringify({ session_id: id, session_auth: auth }).replace('"cost":100', '"cost":100.0');
    expect((await rig.send('/session/get', spelled)).status).toBe(200);

    const { __request_id: _gone, ...less } = auth;
    for (const other of [less, { ...auth, more: 1 }, { ...auth, nested: { x: [2, 1], y: 1 } }, rig.grant()]) {
      expect((await ask(rig, 'end', id, other)).json().error.code).toBe('SESSION_AUTH_INVALID');
    }
    expect((await inSession(rig, rig.grant(), id)).json().error.code).toBe('SESSION_AUTH_INVALID');
  });

  it('is refused beyond the limit, which is in the books as rejected', async () => {
    await using rig = await startRig({ secured: true, config: { maxSessions: 2 } });
    await create(rig, rig.grant());
    await create(rig, rig.grant());
    const reply = await create(rig, rig.grant({ cost: 9 }));
    expect([reply.status, reply.json().error.code]).toEqual([429, 'SESSION_LIMIT']);
    expect((await rig.health()).workload).toMatchObject({ received: 11, rejected: 9, open: 2 });
  });

  it.each<[string, Grant, object, number]>([
    ['a lifetime that is no number', {}, { lifetime: 'x' }, 422],
    ['a lifetime of null', {}, { lifetime: null }, 422],
    ['a negative lifetime', {}, { lifetime: -1 }, 422],
    ['a cost that is no number', { cost: 'x' }, {}, 422],
    ['a negative cost', { cost: -5 }, {}, 422],
    ['an address to call when it ends', {}, { on_close_route: 'http://169.254.169.254/' }, 422],
    ['such an address in disguise', {}, { on_close_route: '//169.254.169.254/' }, 422],
    ['and in another', {}, { on_close_route: '/\\169.254.169.254/' }, 422],
  ])('is refused for %s, and leaves nothing behind', async (_, change, payload, status) => {
    await using rig = await startRig({ secured: true });
    expect((await create(rig, { ...rig.grant(), ...change }, payload)).status).toBe(status);
    expect((await rig.health()).workload).toMatchObject({ received: 0, open: 0 });
  });

  it('slides with its requests and ends when none comes; refused requests do not extend it', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ secured: true, parts: { clock }, awaitReady: false });
    while ((await rig.health()).phase !== 'ready') await clock.advance(500);
    const auth = rig.grant({ cost: 5 });
    const { session_id: id, expiration } = (await create(rig, auth, { lifetime: 10 })).json();
    await clock.advance(8_000);
    for (let n = 0; n < 5; n += 1) await inSession(rig, auth, id); // many at once extend it once
    const extended = (await ask(rig, 'get', id, auth)).json().expiration;
    expect(extended - expiration).toBeCloseTo(8, 1);
    await clock.advance(8_000);
    await inSession(rig, { ...auth, url: 'http://else:1' }, id);
    expect((await ask(rig, 'get', id, auth)).json().expiration).toBe(extended);
    await clock.advance(4_000);
    expect((await ask(rig, 'health', id, auth)).json()).toEqual({ ok: false });
    expect((await rig.health()).workload).toMatchObject({ open: 0 });
  });

  it('cuts lifetimes to the cap', async () => {
    await using rig = await startRig({ secured: true, config: { maxSessionLifetime: 100 } });
    const auth = rig.grant();
    const { session_id: id } = (await create(rig, auth, { lifetime: 1e9 })).json();
    expect((await ask(rig, 'get', id, auth)).json().lifetime).toBe(100);
  });

  it('ends what runs in it, and tells the model server', async () => {
    await using rig = await startRig({ secured: true });
    const auth = rig.grant({ cost: 5 });
    const { session_id: id } = (await create(rig, auth, { on_close_route: '/release', on_close_payload: { slot: 3 } })).json();
    rig.model.hold();
    const running = inSession(rig, auth, id, { workload: 7 });
    await rig.model.received(1);
    await ask(rig, 'end', id, auth);

    expect((await running).json().error.code).toBe('SESSION_UNKNOWN');
    await rig.model.aborted(1);
    await rig.model.received(2);
    expect(rig.model.requests[1]).toMatchObject({ path: '/release' });
    expect(JSON.parse(rig.model.requests[1]?.body.toString() ?? '')).toEqual({ slot: 3, session_id: id });
    expect((await rig.health()).workload).toMatchObject({ received: 12, served: 5, cancelled: 7, open: 0 });
  });

  it('can be ended through the internal port, which only this machine reaches', async () => {
    await using rig = await startRig({ secured: true, env: { WORKER_HTTP_PORT: '0' } });
    const auth = rig.grant();
    const { session_id: id } = (await create(rig, auth)).json();
    const internal = `http://127.0.0.1:${await rig.worker.internalPort()}`;
    const end = (body: object) => fetch(`${internal}/session/end`, { method: 'POST', body: JSON.stringify(body) });
    expect((await end({ session_id: id, session_auth: {} })).status).toBe(422);
    expect((await end({ session_id: id, session_auth: auth })).status).toBe(200);
    expect((await fetch(`${internal}/session/create`, { method: 'POST' })).status).toBe(404);
  });
});

describe('grants', () => {
  it('for another address pass with a warning, unless that is enforced', async () => {
    for (const [check, status] of [
      ['warn', 200],
      ['enforce', 401],
      ['off', 200],
    ] as const) {
      await using rig = await startRig({ secured: true, env: { URL_CHECK: check } });
      const envelope = JSON.stringify({ auth_data: rig.grant({ url: 'http://198.51.100.1:4000' }), payload: {} });
      expect((await rig.send('/test', envelope)).status).toBe(status);
      expect((await rig.post('/test', {})).status).toBe(200);
    }
  });

  it('for another endpoint are refused when there is a name to compare', async () => {
    await using rig = await startRig({ secured: true, env: { ENDPOINT_NAME: 'prod' } });
    expect((await rig.post('/test', {})).json().error.code).toBe('GRANT_FOR_OTHER'); // the rig's endpoint is called test
  });

  it('cannot be replayed after the window, but for retries and sessions', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ secured: true, env: { REPLAY_WINDOW_SECONDS: '60' }, parts: { clock }, awaitReady: false });
    while ((await rig.health()).phase !== 'ready') await clock.advance(500);
    const envelope = rig.envelope({});
    expect((await rig.send('/test', envelope)).status).toBe(200);
    expect((await rig.send('/test', envelope)).status).toBe(200);
    const auth = rig.grant();
    const { session_id: id } = (await create(rig, auth, { lifetime: 1000 })).json();
    await clock.advance(61_000);
    expect((await rig.send('/test', envelope)).json().error.code).toBe('GRANT_REPLAYED');
    expect((await inSession(rig, auth, id)).status).toBe(200);
  });

  it('of an unknown form are refused before anything starts', async () => {
    await expect(startRig({ secured: true, env: { SIGNATURE_FORM: 'whatever' } })).rejects.toThrow('SIGNATURE_FORM');
  });
});
