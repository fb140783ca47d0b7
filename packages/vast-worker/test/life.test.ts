import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Rig, startRig, testHandler } from '../src/testing/index.ts';

const isPhase =
  (wanted: string) =>
  ({ phase }: { phase: string }) =>
    phase === wanted;

describe('a model server that is killed', () => {
  it('ends requests in flight with 502, makes /health say why, is reported, and is taken back when it returns', async () => {
    await using rig = await startRig({ secured: true });
    rig.model.hold();
    const inFlight = rig.post('/test', { workload: 3 });
    await rig.model.received(1);
    const killedAt = performance.now();
    await rig.model.kill();

    const reply = await inFlight;
    expect([reply.status, reply.json().error.code]).toEqual([502, 'MODEL_SERVER_UNREACHABLE']);
    const health = await rig.untilHealth(isPhase('failed'));
    expect(performance.now() - killedAt).toBeLessThan(2_000); // the promise of the README
    expect((await rig.get('/health')).status).toBe(503);
    expect(health).toMatchObject({ status: 'unavailable', reason: 'the model server refuses connections' });
    expect(health.workload).toMatchObject({ errored: 3 });
    expect(await rig.controlPlane.status(({ error_msg }) => error_msg !== '')).toMatchObject({
      error_msg: 'the model server refuses connections',
    });
    expect((await rig.post('/test', {})).status).toBe(503);

    await rig.model.listen();
    await rig.untilHealth(isPhase('ready'));
    expect((await rig.post('/test', {})).status).toBe(200);
    const after = rig.controlPlane.statuses.length;
    await rig.controlPlane.until(() => rig.controlPlane.statuses.length > after);
    expect(rig.controlPlane.statuses.at(-1)).toMatchObject({ error_msg: '' });
  });

  it('is not condemned by one bad answer of its health', async () => {
    await using rig = await startRig();
    rig.model.health = 500;
    await rig.untilHealth(() => true);
    rig.model.health = 200;
    expect((await rig.health()).phase).toBe('ready');
  });
});

describe('readiness', () => {
  it('waits for the health of the model server when there is no log file', async () => {
    await using rig = await startRig({ awaitReady: false, config: { modelHealthcheckUrl: '/health' } });
    rig.model.health = 503;
    const loading = await rig.health();
    expect(loading).toMatchObject({ phase: 'loading', loadSeconds: 0 });
    expect(Date.parse(loading.since)).toBeGreaterThan(0);
    await rig.untilHealth(({ reason }) => reason === 'the model server is loading: it answers 503');
    rig.model.health = 200;
    const ready = await rig.untilHealth(isPhase('ready'));
    expect(ready.loadSeconds).toBeGreaterThan(0);
    expect(ready.reason).not.toContain('503');
  });

  it('takes an accepted connection for loaded where the model server has no /health, and its loss for a failure', async () => {
    await using rig = await startRig({
      model: (server) => {
        server.health = 404;
      },
    });
    expect((await rig.health()).phase).toBe('ready');
    await rig.model.kill();
    await rig.untilHealth(isPhase('failed'));
    await rig.model.listen();
    await rig.untilHealth(isPhase('ready'));
  });

  it('benchmarks a known route with a payload of its own, and reports the figure', async () => {
    await using rig = await startRig({ perf: null, secured: true, handlers: [{ route: '/v1/embeddings', allowParallelRequests: true }] });
    const health = await rig.health();
    expect(health.perf).toMatchObject({ source: 'benchmark' });
    expect(rig.model.requests).toHaveLength(1 + 8 * 10 + 1); // warm-up, rounds, canary
    const sent = JSON.parse(rig.model.requests[0]?.body.toString() ?? '');
    expect(sent.input).toHaveLength(8);
    expect(await rig.controlPlane.status(({ max_perf }) => max_perf > 0)).toMatchObject({ max_perf: health.perf.loadPerSecond });
    expect(health.workload.received).toBe(0); // outside the books
  });

  it('benchmarks a serial route one request at a time, with the configured payloads', async () => {
    const dataset = [{ workload: 10 }, { workload: 20 }];
    await using rig = await startRig({
      perf: null,
      handlers: [{ ...testHandler, allowParallelRequests: false, benchmarkConfig: { dataset, runs: 3, concurrency: 5, doWarmup: false } }],
    });
    expect(rig.model.requests.map(({ body }) => JSON.parse(body.toString()).workload)).toEqual([10, 20, 10, 10]); // three runs and a canary
  });

  it('fails when nothing of the benchmark succeeds, says so, and recovers when it does', async () => {
    await using rig = await startRig({
      perf: null,
      awaitReady: false,
      handlers: [{ ...testHandler, benchmarkConfig: { generator: () => ({}), runs: 2 } }],
      config: { modelHealthcheckUrl: '/health' },
    });
    rig.model.answer = ({ response }) => void response.writeHead(500).end();
    const failed = await rig.untilHealth(isPhase('failed'));
    expect(failed.reason).toBe('the benchmark had no successful answer (status 500)');
    expect(failed.perf).toEqual({ loadPerSecond: 0, source: 'none' });
    rig.model.answer = ({ response }) => void response.writeHead(200).end('{}');
    expect((await rig.untilHealth(isPhase('ready'))).perf.loadPerSecond).toBeGreaterThan(0);
  });

  it('learns perf from traffic where nothing can be benchmarked, and says so', async () => {
    await using rig = await startRig({ perf: 33 });
    expect((await rig.health()).perf).toEqual({ loadPerSecond: 33, source: 'initial' });
  });

  it('follows the log of the model server across a late file, a split line and a rotation', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'model.log');
    await using rig = await startRig({
      awaitReady: false,
      config: { modelLogFile: path, logActionConfig: { onLoad: ['startup complete'] } },
    });
    expect((await rig.health()).phase).toBe('loading');
    await writeFile(path, 'INFO loading\nINFO Application start');
    await appendFile(path, 'up complete.\n');
    await rig.untilHealth(isPhase('ready'));
    await rename(path, `${path}.1`);
    await writeFile(path, 'INFO a new file\n');
    expect((await rig.health()).phase).toBe('ready');
  });

  it('fails the start at an error line, and does not let one condemn a worker that is ready', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'model.log');
    await writeFile(path, 'RuntimeError: broken\n');
    const logActionConfig = { onLoad: ['startup complete'], onError: ['RuntimeError'] };
    await using rig = await startRig({
      awaitReady: false,
      config: { modelLogFile: path, logActionConfig, modelHealthcheckUrl: '/health' },
      perf: 5,
    });
    rig.model.health = 503;
    expect((await rig.untilHealth(isPhase('failed'))).reason).toBe("the model server's log matched: RuntimeError");

    rig.model.health = 200;
    await rig.untilHealth(isPhase('ready'));
    await appendFile(path, 'RuntimeError: a client sent something strange\n');
    for (let second = 0; second < 3; second += 1) expect((await rig.health()).phase).toBe('ready');
  });
});

describe('respond', () => {
  const startResponder = (respond: NonNullable<(typeof testHandler)['respond']>): Promise<Rig> =>
    startRig({ handlers: [{ ...testHandler, respond }] });

  it('answers in the handler’s own words, with as many calls to the model server as it likes', async () => {
    await using rig = await startResponder(async ({ payload, callModel }) => {
      const answers = await Promise.all([1, 2].map(async (part) => (await callModel('/part', { json: { ...payload, part } })).json()));
      return Response.json({ answers });
    });
    const reply = await rig.post('/test', { workload: 6 });
    expect(reply.json().answers).toEqual([{ echo: '{"workload":6,"part":1}' }, { echo: '{"workload":6,"part":2}' }]);
    expect((await rig.health()).workload).toMatchObject({ received: 6, served: 6 });
  });

  it('relays the payload as it came when it answers undefined', async () => {
    await using rig = await startResponder(() => undefined);
    expect((await rig.post('/test', { a: 1 })).json()).toEqual({ echo: '{"a":1}' });
  });

  it('that throws is a 500 without a word of why, and booked as errored', async () => {
    await using rig = await startResponder(() => {
      throw new Error('secret');
    });
    const reply = await rig.post('/test', {});
    expect([reply.status, reply.json().error.code]).toEqual([500, 'HANDLER_FAILED']);
    expect(reply.text).not.toContain('secret');
    expect((await rig.health()).workload).toMatchObject({ errored: 1, open: 0 });
  });

  it('that hangs ends when its client leaves, and so do its calls', async () => {
    await using rig = await startResponder(async ({ callModel }) => {
      void callModel('/part', { json: {} }).catch(() => undefined);
      return new Promise<never>(() => undefined);
    });
    rig.model.hold();
    const request = rig.open('/test', rig.envelope({}));
    await rig.model.received(1);
    request.leave();
    await rig.model.aborted(1);
    expect((await rig.untilHealth(({ openRequests }) => openRequests === 0)).workload).toMatchObject({ cancelled: 1 });
  });

  it('cannot call anybody but the model server', async () => {
    await using rig = await startResponder(({ callModel }) => callModel('http://169.254.169.254/latest/meta-data'));
    expect((await rig.post('/test', {})).status).toBe(500);
    await using other = await startResponder(({ callModel }) => callModel('//example.com/x'));
    expect((await other.post('/test', {})).status).toBe(500);
  });

  it('is told which header it may not send, and nothing is sent', async () => {
    await using rig = await startResponder(async ({ callModel }) =>
      callModel('/part', { headers: { 'Content-Length': '3' } }).catch((error) => new Response(`${error.name}: ${error.message}`)),
    );
    expect((await rig.post('/test', {})).text).toBe('TypeError: no header to send: "Content-Length"');
    expect(rig.model.requests).toEqual([]);
  });

  it('passes a lost model server on as 502', async () => {
    await using rig = await startResponder(({ callModel }) => callModel('/part', { json: {} }));
    rig.model.answer = ({ response }) => void response.destroy();
    const reply = await rig.post('/test', {});
    expect([reply.status, reply.json().error.code]).toEqual([502, 'MODEL_SERVER_UNREACHABLE']);
  });
});

describe('requestParser', () => {
  it('makes the payload that the model server gets and the calculator counts', async () => {
    await using rig = await startRig({
      handlers: [{ ...testHandler, requestParser: (payload) => payload.input as Record<string, unknown> }],
    });
    const reply = await rig.post('/test', { input: { workload: 9 } });
    expect(reply.json()).toEqual({ echo: '{"workload":9}' });
    expect((await rig.health()).workload.served).toBe(9);
  });

  it('refuses with 422 what it cannot parse', async () => {
    await using rig = await startRig({
      handlers: [
        {
          ...testHandler,
          requestParser: () => {
            throw new Error('no');
          },
        },
      ],
    });
    expect((await rig.post('/test', {})).json().error.code).toBe('PAYLOAD_INVALID');
  });
});

describe('drain', () => {
  it('refuses new requests, finishes open ones, sends a last report and stops', async () => {
    await using rig = await startRig({ secured: true });
    rig.model.hold();
    const open = rig.post('/test', { workload: 12 });
    await rig.model.received(1);
    const stopping = rig.worker.stop();
    const refused = await rig.post('/test', {});
    expect([refused.status, refused.json().error.code]).toEqual([503, 'WORKER_DRAINING']);
    expect((await rig.get('/health')).status).toBe(503);
    rig.model.release();
    expect((await open).status).toBe(200);
    await stopping;

    expect(rig.controlPlane.statuses.at(-1)).toMatchObject({ cur_load: 0, num_requests_working: 0 });
    expect(rig.controlPlane.sumOf('cur_perf')).toBe(12);
    expect(rig.controlPlane.deletedRequests).toHaveLength(2);
    await expect(rig.health()).rejects.toThrow('ECONNREFUSED');
  });

  it('ends what is still open when its time is up', async () => {
    await using rig = await startRig({ env: { DRAIN_TIMEOUT_SECONDS: '0' } });
    rig.model.hold();
    const open = rig.post('/test', {});
    await rig.model.received(1);
    await rig.worker.stop();
    expect((await open).json().error.code).toBe('WORKER_DRAINING');
  });
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vast-worker-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
