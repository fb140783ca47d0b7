import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { startRig } from '../src/testing/index.ts';

describe('relay', () => {
  it('answers what the model server answers', async () => {
    await using rig = await startRig();
    const reply = await rig.post('/test', { hello: 'world' });

    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({ echo: '{"hello":"world"}' });
  });

  it('forwards the payload with the bytes it came in', async () => {
    await using rig = await startRig();
    const payload = '{ "seed": 12345678901234567890, "t": 1.0,\n "s": "\\u00e9", "b": {"a":1, "a":2} }';
    await rig.send('/test', `{"auth_data":${JSON.stringify(rig.grant())},"payload":${payload} }`);

    expect(rig.model.requests[0]?.body.toString()).toBe(payload);
  });

  it('passes compressed answers on as they are', async () => {
    await using rig = await startRig();
    const compressed = gzipSync('{"a":1}');
    rig.model.answer = ({ response }) => {
      response.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-encoding': 'gzip',
        'content-length': compressed.length,
        'set-cookie': 'a=b',
        server: 'x',
      });
      response.end(compressed);
    };
    const reply = await rig.post('/test', {});

    expect(reply.body.equals(compressed)).toBe(true);
    expect(reply.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(compressed.length),
    });
    expect(reply.headers).not.toHaveProperty('set-cookie');
    expect(reply.headers).not.toHaveProperty('server');
  });

  it('passes events on one by one, the first before the second exists', async () => {
    await using rig = await startRig();
    rig.model.answer = ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.write('data: 1\n\n');
    };
    const { response } = await rig.open('/test', rig.envelope({ stream: true })).answer;
    const events = response[Symbol.asyncIterator]();
    expect(String((await events.next()).value)).toBe('data: 1\n\n');
    expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');

    rig.model.requests[0]?.response.write('data: 2\n\n');
    expect(String((await events.next()).value)).toBe('data: 2\n\n');
    rig.model.requests[0]?.response.end('data: [DONE]\n\n');
    expect(String((await events.next()).value)).toBe('data: [DONE]\n\n');
    expect((await events.next()).done).toBe(true);
  });

  it('cuts the answer off when the model server dies in the middle of it, and books an error', async () => {
    await using rig = await startRig();
    rig.model.answer = ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('[1,', () => response.destroy());
    };
    const { response } = await rig.open('/test', rig.envelope({})).answer;

    await expect(async () => {
      for await (const _chunk of response);
    }).rejects.toThrow('aborted');
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ received: 1, errored: 1, served: 0 });
  });

  it.each([204, 304, 400, 404, 500, 503])('relays status %i', async (status) => {
    await using rig = await startRig();
    rig.model.answer = ({ response }) => response.writeHead(status).end();
    expect((await rig.post('/test', {})).status).toBe(status);
  });

  it('reads no faster than a slow client', async () => {
    await using rig = await startRig();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let written = 0;
    rig.model.answer = ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const push = () => {
        while (written < 256 && response.write(chunk)) written += 1;
        if (written < 256)
          response.once('drain', () => {
            written += 1;
            push();
          });
        else response.end();
      };
      push();
    };
    const { response } = await rig.open('/test', rig.envelope({})).answer;
    response.pause();
    // A client that does not read stops the model server: it stands until the client goes on.
    let before = -1;
    while (written !== before) {
      before = written;
      for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(64);
    let received = 0;
    for await (const part of response) received += (part as Buffer).length;
    expect(received).toBe(256 * chunk.length);
  });
});
