import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { startRig, testHandler } from '../src/testing/index.ts';

function collector() {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  return { log, text: () => lines.join(''), records: () => lines.map((line) => JSON.parse(line)) };
}

describe('logs', () => {
  it('tell what a request cost and how it ended, under its id', async () => {
    const { log, records } = collector();
    await using rig = await startRig({ parts: { log } });
    const reply = await rig.send('/test', JSON.stringify({ auth_data: rig.grant({ requestIdx: 9 }), payload: { workload: 3 } }), {
      headers: { 'x-request-id': 'caller-1' },
    });
    expect(reply.headers['x-request-id']).toBe('caller-1');
    const ended = records().find(({ msg }) => msg === 'request ended');
    expect(ended).toMatchObject({ requestId: 'caller-1', requestIdx: 9, route: '/test', workload: 3, outcome: 'served', status: 200 });
    expect(ended.waitSeconds).toBeGreaterThanOrEqual(0);
    expect(ended.durationSeconds).toBeGreaterThanOrEqual(ended.waitSeconds);
  });

  it('hold no payload, token, signature or query, whatever goes wrong', async () => {
    const { log, text } = collector();
    const secret = 'do-not-log-me';
    await using rig = await startRig({
      secured: true,
      env: { MASTER_TOKEN: `token-${secret}`, HF_TOKEN: `hf-${secret}` },
      parts: { log },
      handlers: [
        testHandler,
        {
          route: '/throws',
          respond: () => {
            throw new Error(secret);
          },
        },
      ],
    });
    const grant = rig.grant();
    const envelope = JSON.stringify({ auth_data: grant, payload: { text: secret } });
    await rig.send(`/test?api_key=${secret}`, envelope, { headers: { authorization: `Bearer ${secret}` } });
    await rig.send('/throws', envelope);
    await rig.send('/test', JSON.stringify({ auth_data: { ...grant, url: secret }, payload: { text: secret } }));
    await rig.send('/test', `{"auth_data": ${secret}`);
    await rig.send(`/nope?x=${secret}`, envelope);
    rig.model.answer = ({ response }) => void response.writeHead(500).end(secret);
    await rig.send('/test', envelope);
    rig.model.answer = ({ response }) => void response.destroy();
    await rig.send('/test', envelope);

    expect(text()).toContain('handler failed'); // the control: something was logged
    expect(text()).not.toContain(secret);
    expect(text()).not.toContain(String(grant.signature).slice(0, 20));
  });
});

describe('ids in answers', () => {
  it('name request and worker, on every way in', async () => {
    await using rig = await startRig({ secured: true });
    for (const reply of [await rig.post('/test', {}), await rig.get('/health'), await rig.get('/nope'), await rig.send('/test', 'x')]) {
      expect(reply.headers['x-worker-id']).toBe('4242');
      expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f]{12}-\w+$/);
    }
    const strange = await rig.send('/test', rig.envelope({}), { headers: { 'x-request-id': 'a b<script>' } });
    expect(strange.headers['x-request-id']).toMatch(/^[0-9a-f]{12}-\w+$/);
  });

  it('can be left out', async () => {
    await using rig = await startRig({ env: { ANSWER_IDS: 'no' } });
    const { headers } = await rig.post('/test', {});
    expect(headers).not.toHaveProperty('x-request-id');
    expect(headers).not.toHaveProperty('x-worker-id');
  });
});
