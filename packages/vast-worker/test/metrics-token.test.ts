import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { startRig } from '../src/testing/index.ts';

const token = 'the-metrics-token';
const withToken = { env: { METRICS_TOKEN: token } };
const authorized = { method: 'GET', headers: { authorization: `Bearer ${token}` } };

describe('with METRICS_TOKEN the public port', () => {
  it('tells strangers that it serves, or not, and nothing else', async () => {
    await using rig = await startRig({ ...withToken, awaitReady: false, model: (model) => (model.health = 503) });
    expect(await rig.get('/health')).toMatchObject({ status: 503, text: '' });
    rig.model.health = 200;
    let stranger = await rig.get('/health');
    while (stranger.status === 503) stranger = await rig.get('/health');
    expect(stranger).toMatchObject({ status: 200, text: '' });
    expect((await rig.send('/health', '', authorized)).json()).toMatchObject({ phase: 'ready' });
  });

  it.each(['/metrics', '/metrics/model'])('gives %s to who shows the token, and to nobody else', async (path) => {
    await using rig = await startRig({ ...withToken, awaitReady: false });
    for (const authorization of [undefined, '', 'Bearer', 'Bearer wrong', `Bearer ${token}x`, `Basic ${token}`]) {
      const reply = await rig.send(path, '', { method: 'GET', headers: authorization === undefined ? {} : { authorization } });
      expect([reply.status, reply.json().error.code]).toEqual([401, 'UNAUTHORIZED']);
    }
    expect((await rig.send(path, '', authorized)).status).not.toBe(401);
  });
});

describe('the service’s own metrics', () => {
  it('follow the worker’s on /metrics', async () => {
    const registry = new Registry();
    new Counter({ name: 'my_service_things_total', help: 'Things', registers: [registry] }).inc(3);
    await using rig = await startRig({ config: { serviceMetrics: registry } });
    const { text } = await rig.get('/metrics');
    expect(text).toMatch(/^vast_worker_phase\{phase="ready"\} 1$/m);
    expect(text).toMatch(/^my_service_things_total 3$/m);
  });
});

describe('the model server’s metrics', () => {
  it('come through the worker’s port as they are', async () => {
    const text = '# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 3\n';
    await using rig = await startRig({ model: (model) => (model.metrics = text) });
    const reply = await rig.get('/metrics/model');
    expect([reply.status, reply.text]).toEqual([200, text]);
    expect(reply.headers['content-type']).toContain('text/plain');
  });

  it('are a 502 where there are none', async () => {
    await using rig = await startRig();
    const reply = await rig.get('/metrics/model');
    expect([reply.status, reply.json().error.code]).toEqual([502, 'MODEL_SERVER_UNREACHABLE']);
    expect((await rig.health()).phase).toBe('ready');
  });
});
