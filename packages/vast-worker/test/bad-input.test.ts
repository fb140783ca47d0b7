import { once } from 'node:events';
import { connect } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startRig } from '../src/testing/index.ts';

const untouched = { received: 0, served: 0, errored: 0, cancelled: 0, rejected: 0, open: 0 };

describe('bad input', () => {
  it('gets a JSON error with a stable code and the right status, and leaves the books alone', async () => {
    await using rig = await startRig({ env: { MAX_BODY_BYTES: '20000' } });
    const good = rig.grant();
    const body = (auth: unknown, payload: unknown) => JSON.stringify({ auth_data: auth, payload });
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const cases: [string, string | Buffer, Record<string, string>, number, string][] = [
      ['nothing', '', {}, 422, 'ENVELOPE_INVALID'],
      ['no JSON', 'hello', {}, 422, 'ENVELOPE_INVALID'],
      ['JSON null', 'null', {}, 422, 'ENVELOPE_INVALID'],
      ['no envelope', '{"input":["a"]}', {}, 422, 'ENVELOPE_INVALID'],
      ['auth_data null', body(null, {}), {}, 422, 'ENVELOPE_INVALID'],
      ['wrong types', body({ ...good, reqnum: 'x' }, {}), {}, 422, 'ENVELOPE_INVALID'],
      ['payload a list', body(good, []), {}, 422, 'ENVELOPE_INVALID'],
      ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), {}, 422, 'ENVELOPE_INVALID'],
      [
        'deep nesting',
        `{"auth_data":${JSON.stringify(good)},"payload":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
        {},
        422,
        'ENVELOPE_INVALID',
      ],
      ['too long', body(good, { a: 'x'.repeat(30_000) }), {}, 413, 'BODY_TOO_LARGE'],
      ['a compressed bomb', bomb, { 'content-encoding': 'gzip' }, 413, 'BODY_TOO_LARGE'],
      ['not what it says it is', 'hello', { 'content-encoding': 'gzip' }, 400, 'BODY_ENCODING_INVALID'],
      ['an encoding nobody knows', 'hello', { 'content-encoding': 'zstd' }, 415, 'BODY_ENCODING_UNSUPPORTED'],
    ];
    expect(bomb.length).toBeLessThan(20_000); // it has to get past the first check
    for (const [what, bytes, headers, status, code] of cases) {
      const reply = await rig.send('/test', bytes, { headers });
      expect({ what, status: reply.status, code: reply.json().error.code }).toEqual({ what, status, code });
      expect(reply.headers['content-type']).toContain('application/json');
      expect(reply.json().message).toBe(reply.json().error.message);
    }
    const health = await rig.health();
    expect(health.workload).toEqual(untouched);
    expect(health.requestsReceived).toBe(0);
    expect(rig.model.requests).toHaveLength(0);
    expect((await rig.post('/test', {})).status).toBe(200); // and the process is alive
  });

  it('names every wrong field and quotes nothing', async () => {
    await using rig = await startRig();
    const reply = await rig.send('/test', JSON.stringify({ auth_data: { url: 'secret-value', reqnum: 'secret-value' } }));

    expect(reply.json().error.details.map(({ path }: { path: string }) => path)).toEqual([
      'auth_data.cost',
      'auth_data.endpoint',
      'auth_data.reqnum',
      'auth_data.request_idx',
      'auth_data.signature',
      'payload',
    ]);
    expect(reply.text).not.toContain('secret-value');
  });

  it('answers unknown paths and wrong methods in JSON', async () => {
    await using rig = await startRig();
    const unknown = await rig.post('/nope', {});
    expect([unknown.status, unknown.json().error.code]).toEqual([404, 'ROUTE_UNKNOWN']);

    const wrong = await rig.get('/test');
    expect([wrong.status, wrong.json().error.code, wrong.headers.allow]).toEqual([405, 'METHOD_NOT_ALLOWED', 'POST']);
    expect((await rig.send('/health', '{}')).status).toBe(405);
    expect((await rig.send('/%', '')).status).toBe(404);
    expect((await rig.health()).workload).toEqual(untouched);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('reads %s bodies within the limit', async (encoding, compress) => {
    await using rig = await startRig();
    const reply = await rig.send('/test', compress(rig.envelope({ a: 1 })), { headers: { 'content-encoding': encoding } });
    expect(reply.json()).toEqual({ echo: '{"a":1}' });
  });

  it('takes any content type, as the reference does', async () => {
    await using rig = await startRig();
    expect((await rig.send('/test', rig.envelope({}), { headers: { 'content-type': 'text/plain' } })).status).toBe(200);
  });

  it('answers what is not HTTP with 400, and headers without end with 431', async () => {
    await using rig = await startRig();
    expect(await rawExchange(rig.port, 'this is not HTTP\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*HTTP_MALFORMED/s);
    expect(await rawExchange(rig.port, `GET /health HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 .*HEADERS_TOO_LARGE/s,
    );
    expect((await rig.post('/test', {})).status).toBe(200);
  });

  it('refuses a body over the limit before it has come, and says so', async () => {
    await using rig = await startRig({ env: { MAX_BODY_BYTES: '2000' } });
    const request = rig.open('/test', '', { headers: { 'content-length': '1000000000' } });
    const { response } = await request.answer;
    expect(response.statusCode).toBe(413);
    request.leave();
  });

  it('lets who is refused send the rest of its body, so that it sees the refusal and no reset', async () => {
    const size = 30_000_000;
    await using rig = await startRig({ env: { MAX_BODY_BYTES: '2000' } });
    const socket = connect(rig.port, '127.0.0.1');
    const events: string[] = [];
    socket.on('error', (error: NodeJS.ErrnoException) => events.push(error.code ?? ''));
    socket.write(`POST /test HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${size}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    const piece = Buffer.alloc(1_000_000, ' ');
    for (let sent = 0; sent < size; sent += piece.length) if (!socket.write(piece)) await once(socket, 'drain');
    await once(socket, 'end'); // and the worker closes once it has it all
    expect(events).toEqual([]);
    socket.destroy();
  });

  it('checks the payload against the schema of the handler', async () => {
    const { z } = await import('zod');
    await using rig = await startRig({
      handlers: [{ route: '/test', payload: z.looseObject({ input: z.string() }), allowParallelRequests: true }],
    });
    const reply = await rig.post('/test', { input: 7 });

    expect([reply.status, reply.json().error.code]).toEqual([422, 'PAYLOAD_INVALID']);
    expect(reply.json().error.details).toMatchObject([{ path: 'payload.input' }]);
    expect((await rig.health()).workload).toEqual(untouched);
  });
});

function rawExchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
