import { describe, expect, it } from 'vitest';
import { type HandlerConfig } from '../src/index.ts';
import { FakeClock, startRig, testHandler } from '../src/testing/index.ts';

const serial: HandlerConfig = { ...testHandler, allowParallelRequests: false };

describe('serial handlers', () => {
  it('answer 200 concurrent requests in order of arrival, one at a time', async () => {
    await using rig = await startRig({ handlers: [serial] });
    let running = 0;
    let most = 0;
    rig.model.answer = ({ response, body }) => {
      running += 1;
      most = Math.max(most, running);
      setImmediate(() => {
        running -= 1;
        response.writeHead(200).end(body);
      });
    };
    rig.model.hold();
    const first = rig.post('/test', { n: 0 });
    await rig.model.received(1);
    const rest: Promise<unknown>[] = [];
    for (let n = 1; n < 200; n += 1) {
      rest.push(rig.post('/test', { n }));
      await rig.untilHealth(({ queuedRequests }) => queuedRequests === n); // so that the order of arrival is known
    }
    expect(rig.model.requests).toHaveLength(1);
    rig.model.release();
    await Promise.all([first, ...rest]);

    expect(rig.model.requests.map(({ body }) => JSON.parse(body.toString()).n)).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(most).toBe(1);
    expect((await rig.health()).workload).toMatchObject({ received: 200, served: 200, open: 0 });
  });

  it('let a client that leaves go from the middle of the queue, and from its head', async () => {
    await using rig = await startRig({ handlers: [serial] });
    rig.model.hold();
    const requests = [];
    for (let n = 0; n < 4; n += 1) {
      requests.push(rig.open('/test', rig.envelope({ n })));
      await rig.untilHealth(({ openRequests }) => openRequests === n + 1);
    }
    requests[1]?.leave();
    await rig.untilHealth(({ queuedRequests }) => queuedRequests === 2);
    requests[0]?.leave(); // it runs: its call is given up, and the turn goes on
    await rig.model.aborted(1);
    await rig.model.received(2);
    rig.model.release();

    expect((await requests[2]?.answer)?.response.statusCode).toBe(200);
    expect((await requests[3]?.answer)?.response.statusCode).toBe(200);
    expect(rig.model.requests.map(({ body }) => JSON.parse(body.toString()).n)).toEqual([0, 2, 3]);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ received: 4, served: 2, cancelled: 2 });
  });

  it('share a lane, unless they have one of their own', async () => {
    await using rig = await startRig({
      handlers: [
        { ...serial, route: '/a' },
        { ...serial, route: '/b' },
        { ...serial, route: '/c', lane: 'own' },
        { ...testHandler, route: '/d' },
      ],
    });
    rig.model.hold();
    const all = [rig.post('/a', {}), rig.post('/c', {}), rig.post('/d', {})];
    await rig.model.received(3);
    all.push(rig.post('/b', {}));
    await rig.untilHealth(({ queuedRequests }) => queuedRequests === 1);
    expect(rig.model.requests.map(({ path }) => path).sort()).toEqual(['/a', '/c', '/d']);
    rig.model.release();
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('answer 429 to a request that has waited longer than it may, which never reaches the model server', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ handlers: [{ ...serial, maxQueueTime: 5 }], parts: { clock }, awaitReady: false });
    while ((await rig.health()).phase !== 'ready') await clock.advance(500);
    rig.model.hold();
    const running = rig.post('/test', { n: 0 });
    await rig.model.received(1);
    const waiting = rig.post('/test', { n: 1, workload: 8 });
    await rig.untilHealth(({ queuedRequests }) => queuedRequests === 1);
    await clock.advance(4_999);
    expect((await rig.health()).queuedRequests).toBe(1);
    await clock.advance(1);

    expect((await waiting).json().error.code).toBe('QUEUE_TIMEOUT');
    rig.model.release();
    await running;
    expect(rig.model.requests).toHaveLength(1);
    expect((await rig.health()).workload).toMatchObject({ received: 9, served: 1, rejected: 8, cancelled: 0 });
  });
});

describe('a parallel handler with a limit', () => {
  it('runs so many at once, and the rest in order of arrival', async () => {
    await using rig = await startRig({ handlers: [{ ...testHandler, maxConcurrency: 2 }] });
    rig.model.hold();
    const all = [];
    for (let n = 0; n < 5; n += 1) {
      all.push(rig.post('/test', { n }));
      await rig.untilHealth(({ openRequests }) => openRequests === n + 1);
    }
    await rig.model.received(2);
    expect((await rig.health()).queuedRequests).toBe(3);
    for (let n = 2; n < 5; n += 1) {
      rig.model.release(1);
      await rig.model.received(n + 1);
    }
    rig.model.release();
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(rig.model.requests.map(({ body }) => JSON.parse(body.toString()).n)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('admission', () => {
  it('refuses at once when the estimated wait is longer than the limit, and takes what is at it', async () => {
    await using rig = await startRig({ perf: 100, handlers: [{ ...testHandler, maxQueueTime: 30 }] });
    rig.model.hold();
    const open = [rig.post('/test', { workload: 1600 })];
    await rig.model.received(1);
    open.push(rig.post('/test', { workload: 1400 })); // 16 s of work before it
    await rig.model.received(2);
    open.push(rig.post('/test', { workload: 100 })); // 30 s: at the limit
    await rig.model.received(3);

    const refused = await rig.post('/test', { workload: 1 }); // 31 s
    expect([refused.status, refused.json().error.code]).toEqual([429, 'QUEUE_TOO_LONG']);
    expect(rig.model.requests).toHaveLength(3);
    rig.model.release();
    await Promise.all(open);
    expect((await rig.health()).workload).toMatchObject({ received: 3101, served: 3100, rejected: 1 });
  });

  it('never refuses where there is no limit', async () => {
    await using rig = await startRig({ perf: 1, handlers: [{ ...testHandler, maxQueueTime: null }] });
    rig.model.hold();
    const open = [rig.post('/test', { workload: 1e6 })];
    await rig.model.received(1);
    open.push(rig.post('/test', {}));
    await rig.model.received(2);
    rig.model.release();
    expect((await Promise.all(open)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('answers 503 before the worker is ready, and counts it as rejected', async () => {
    await using rig = await startRig({ awaitReady: false, config: { modelHealthcheckUrl: '/not-there' } });
    const reply = await rig.post('/test', { workload: 7 });
    expect([reply.status, reply.json().error.code]).toEqual([503, 'WORKER_NOT_READY']);
    expect((await rig.health()).workload).toMatchObject({ received: 7, rejected: 7 });
  });

  it('counts 100 for a calculator that fails, serves the request, and says so in a metric', async () => {
    const broken: HandlerConfig = {
      route: '/test',
      allowParallelRequests: true,
      workloadCalculator: (data) => (data.input as string[]).length,
    };
    await using rig = await startRig({ handlers: [broken] });
    expect((await rig.post('/test', {})).status).toBe(200);
    expect((await rig.health()).workload.served).toBe(100);
    expect((await rig.get('/metrics')).text).toContain('vast_worker_workload_fallback_total{route="/test"} 1');
  });
});

describe('a client that leaves', () => {
  it('ends its call to the model server at once and is booked as cancelled', async () => {
    await using rig = await startRig();
    rig.model.hold();
    const request = rig.open('/test', rig.envelope({ workload: 40 }));
    await rig.model.received(1);
    request.leave();
    await rig.model.aborted(1);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ received: 40, cancelled: 40, errored: 0 });
  });

  it('in the middle of a stream ends it, too', async () => {
    await using rig = await startRig();
    rig.model.answer = ({ response }) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    const request = rig.open('/test', rig.envelope({}));
    await request.answer;
    request.leave();
    await rig.model.aborted(1);
    expect((await rig.untilHealth(({ openRequests }) => openRequests === 0)).workload).toMatchObject({ cancelled: 1 });
  });
});

describe('admission', () => {
  it('bounds the queue, and says with 429 when to come again', async () => {
    await using rig = await startRig({ handlers: [{ ...serial, maxQueueLength: 2 }], perf: 1, config: {} });
    rig.model.hold();
    const admitted = [];
    for (let n = 0; n < 3; n += 1) {
      admitted.push(rig.post('/test', { workload: 4 }));
      await rig.untilHealth(({ openRequests }) => openRequests === n + 1);
    }
    const refused = await rig.post('/test', { workload: 4 });
    expect(refused.status).toBe(429);
    expect(refused.json().error.code).toBe('QUEUE_FULL');
    expect(refused.headers['retry-after']).toBe('4'); // 12 s of work, and a place of three gets free
    rig.model.release();
    await Promise.all(admitted);
    expect((await rig.health()).workload).toMatchObject({ received: 16, served: 12, rejected: 4, open: 0 });
    expect(rig.model.requests).toHaveLength(3);
  });

  it('names the seconds after which the wait will be short enough', async () => {
    await using rig = await startRig({ handlers: [{ ...testHandler, maxQueueTime: 5 }], perf: 10 });
    rig.model.hold();
    const slow = rig.post('/test', { workload: 123 });
    await rig.model.received(1);
    const refused = await rig.post('/test', { workload: 1 });
    expect([refused.status, refused.headers['retry-after'], refused.json().error.code]).toEqual([429, '8', 'QUEUE_TOO_LONG']); // 12.3 s, 7.3 too many
    rig.model.release();
    await slow;
  });

  it('never starts what can no longer be in time, at the door', async () => {
    await using rig = await startRig({ perf: 10 });
    rig.model.hold();
    const slow = rig.post('/test', { workload: 30 }); // three seconds
    await rig.model.received(1);
    const late = await rig.send('/test', rig.envelope({ workload: 1 }), { headers: { 'x-request-timeout-ms': '2900' } });
    expect([late.status, late.json().error.code, late.headers['retry-after']]).toEqual([429, 'DEADLINE_UNREACHABLE', '1']);
    const inTime = rig.send('/test', rig.envelope({ workload: 1 }), { headers: { 'x-request-timeout-ms': '3000' } });
    await rig.model.received(2);
    rig.model.release();
    expect((await inTime).status).toBe(200);
    await slow;
    expect((await rig.health()).workload).toMatchObject({ rejected: 1, served: 31 });
  });

  it('never starts what can no longer be in time, in the queue', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ handlers: [serial], parts: { clock } });
    rig.model.hold();
    const running = rig.post('/test', { workload: 1 });
    await rig.model.received(1);
    const waiting = rig.send('/test', rig.envelope({ workload: 2 }), { headers: { 'x-request-timeout-ms': '1500' } });
    await rig.untilHealth(({ queuedRequests }) => queuedRequests === 1);
    await clock.advance(1_500);
    const late = await waiting;
    expect([late.status, late.json().error.code]).toEqual([429, 'DEADLINE_UNREACHABLE']);
    rig.model.release();
    await running;
    expect(rig.model.requests).toHaveLength(1);
    expect((await rig.health()).workload).toMatchObject({ received: 3, served: 1, rejected: 2, open: 0 });
  });

  it.each(['soon', '-5', '0', '1.5', ''])('refuses a deadline of %j', async (value) => {
    await using rig = await startRig();
    const reply = await rig.send('/test', rig.envelope({}), { headers: { 'x-request-timeout-ms': value } });
    expect([reply.status, reply.json().error.code]).toEqual([400, 'DEADLINE_INVALID']);
    expect((await rig.health()).workload.received).toBe(0);
  });
});
