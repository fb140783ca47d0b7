import { workerStatusSchema } from '@bluefly/vast-protocol';
import { describe, expect, it } from 'vitest';
import { FakeClock, FakeControlPlane, type Rig, startRig } from '../src/testing/index.ts';

describe('reports', () => {
  it('begin at once with zeros, have the 17 fields, and carry the secret in the body and never in a header', async () => {
    await using rig = await startRig({ secured: true });
    const first = await rig.controlPlane.status(() => true);

    expect(workerStatusSchema.parse(rig.controlPlane.statuses[0])).toMatchObject({
      id: 4242,
      mtoken: 'mtok-0123456789abcdef',
      version: '1.1.0',
      loadtime: 0,
      max_perf: 0,
      cur_load: 0,
      new_load: 0,
      error_msg: '',
      num_requests_recieved: 0,
      url: 'http://127.0.0.1:41023',
    });
    expect(Object.keys(first)).toHaveLength(17);
    expect(rig.controlPlane.headers.every((headers) => headers.authorization === undefined)).toBe(true);
  });

  it('repeat perf and load time in every report once ready', async () => {
    await using rig = await startRig({ secured: true, perf: 50 });
    const first = await rig.controlPlane.status(({ max_perf }) => max_perf === 50);
    await rig.post('/test', {});
    const later = await rig.controlPlane.status(({ num_requests_recieved }) => num_requests_recieved === 1);
    expect(later).toMatchObject({ max_perf: 50, loadtime: first.loadtime });
    expect(first.loadtime).toBeGreaterThan(0);
  });

  it('lose nothing and invent nothing with a control plane that is slow and fails, end to end', async () => {
    await using rig = await startRig({ secured: true });
    rig.model.answer = ({ response, body }) => {
      if (body.includes('leaves')) response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hi\n\n');
      else response.writeHead(200).end('{}');
    };
    let reports = 0;
    const held: (() => void)[] = [];
    rig.controlPlane.beforeAnswer = async () => {
      reports += 1;
      const isRefused = reports % 3 === 0; // every third report fails
      await new Promise<void>((resolve) => held.push(resolve)); // every report is answered only after more load has come
      rig.controlPlane.answerWith = isRefused ? 500 : 200;
    };
    for (let round = 0; round < 30; round += 1) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => (index === 3 ? leave(rig) : rig.post('/test', { workload: 2 }))));
      for (const answer of held.splice(0)) answer();
    }
    rig.controlPlane.beforeAnswer = () => void (rig.controlPlane.answerWith = 200);
    for (const answer of held.splice(0)) answer();
    const { workload } = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    await rig.controlPlane.until(
      () => rig.controlPlane.sumOf('cur_perf') >= workload.served && rig.controlPlane.deletedRequests.length >= 300,
    );

    expect(workload.received).toBe(workload.served + workload.errored + workload.cancelled + workload.rejected + workload.open);
    expect(rig.controlPlane.sumOf('cur_perf')).toBe(workload.served);
    expect(rig.controlPlane.deletedRequests).toHaveLength(300);
    expect(new Set(rig.controlPlane.deletedRequests.map(({ request_idx }) => request_idx)).size).toBe(300);
    expect(rig.controlPlane.deletedRequests.filter(({ status }) => status === 'Cancelled')).toHaveLength(workload.cancelled / 5);
  });

  it('name every finished request once, with its status and times', async () => {
    await using rig = await startRig({ secured: true });
    await rig.post('/test', {});
    rig.model.answer = ({ response }) => void response.writeHead(500).end();
    await rig.post('/test', {});
    rig.model.hold();
    const leaving = rig.open('/test', rig.envelope({}));
    await rig.model.received(3);
    leaving.leave();
    await rig.controlPlane.until(() => rig.controlPlane.deletedRequests.length === 3);

    const [served, errored, cancelled] = rig.controlPlane.deletedRequests;
    expect(served).toMatchObject({ request_idx: 1, success: true, status: 'Success' });
    expect(served?.work_completed_at).toBeGreaterThanOrEqual(served?.work_started_at ?? Number.POSITIVE_INFINITY);
    expect(errored).toMatchObject({ request_idx: 2, success: false, status: 'Error' });
    expect(cancelled).toMatchObject({ request_idx: 3, success: true, status: 'Cancelled', work_completed_at: 0 });
  });

  it('go to the next address when one is dead, and remember the one that works', async () => {
    const other = new FakeControlPlane();
    await other.listen();
    await using rig = await startRig({ secured: true, env: { REPORT_ADDR: `http://127.0.0.1:1,${other.url}/` } });
    await other.status(({ loadtime }) => loadtime > 0);
    await rig.post('/test', { workload: 3 });
    await other.status(({ cur_perf }) => cur_perf === 3);
    expect(other.keyRequests).toBeGreaterThan(0); // the key came from there as well
    await rig.worker.stop();
    await other.close();
  });
});

/** A request whose client goes away in the middle of the answer. */
async function leave(rig: Rig): Promise<void> {
  const request = rig.open('/test', rig.envelope({ workload: 5, leaves: true }));
  await request.answer;
  request.leave();
}

describe('signatures', () => {
  it('are verified: strangers get 401 and are in no figure that is reported', async () => {
    await using rig = await startRig({ secured: true });
    const forged = JSON.stringify({ auth_data: { ...rig.grant(), url: 'http://somebody.else:1' }, payload: { workload: 500 } });
    const reply = await rig.send('/test', forged);
    expect([reply.status, reply.json().error.code]).toEqual([401, 'SIGNATURE_INVALID']);

    expect((await rig.post('/test', { workload: 4 })).status).toBe(200);
    const status = await rig.controlPlane.status(({ cur_perf }) => cur_perf === 4);
    expect(status).toMatchObject({ rej_load: 0, num_requests_recieved: 1 });
    expect(rig.controlPlane.deletedRequests.every(({ status: how }) => how === 'Success')).toBe(true);
    expect((await rig.get('/metrics')).text).toContain('vast_worker_refused_total{code="SIGNATURE_INVALID"} 1');
  });

  it('are answered 503 while there is no key; the worker is not ready without one', async () => {
    await using rig = await startRig({ secured: true, awaitReady: false, env: { REPORT_ADDR: 'http://127.0.0.1:1' } });
    await rig.untilHealth(({ phase }) => phase === 'confirming');
    const reply = await rig.post('/test', {});
    expect([reply.status, reply.json().error.code]).toEqual([503, 'PUBLIC_KEY_MISSING']);
  });

  it('verify with a new key after a rotation, which one bad signature finds out', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ secured: true, parts: { clock }, awaitReady: false });
    while ((await rig.health()).phase !== 'ready') await clock.advance(500);
    expect((await rig.post('/test', {})).status).toBe(200);
    rig.controlPlane.rotateKey();
    const burst = await Promise.all(Array.from({ length: 20 }, () => rig.post('/test', {})));
    expect(burst.map(({ status }) => status)).toEqual(burst.map(() => 200)); // at once, however lately the key was fetched
    rig.controlPlane.rotateKey();
    expect((await rig.post('/test', {})).status).toBe(401); // a failure asked a moment ago: not again so soon
    await clock.advance(61_000);
    expect((await rig.post('/test', {})).status).toBe(200);
  });
});
