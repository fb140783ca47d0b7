import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { HandlerConfig } from '../src/index.ts';
import {
  FakeClock,
  FakeControlPlane,
  FakeModelServer,
  freePort,
  startRig,
  temporaryFolder,
  testHandler,
  until,
} from '../src/testing/index.ts';

/** What goes wrong around a worker, and the books right after. What happens to a model server of its own: supervision.test.ts. */

const balanced = ({ workload }: any) => {
  const { received, served, errored, cancelled, rejected, open } = workload;
  expect(served + errored + cancelled + rejected + open).toBe(received);
  return workload;
};

describe('a model server that falls silent', () => {
  const timeouts = { firstByteTimeout: 20, idleTimeout: 5 };

  it('before its answer is given up after firstByteTimeout, and the client is told', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ config: timeouts, parts: { clock } });
    rig.model.hold();
    const reply = rig.post('/test', { workload: 3 });
    await rig.model.received(1);
    await clock.advance(20_000);
    expect(await rig.health()).toMatchObject({ openRequests: 1 });
    await clock.advance(1_000);
    expect([(await reply).status, (await reply).json().error.code]).toEqual([504, 'MODEL_SERVER_TIMEOUT']);
    await rig.model.aborted(1);
    expect(balanced(await rig.health())).toMatchObject({ errored: 3 });
  });

  it('in the middle of a stream is given up after idleTimeout, and the stream ends with the error', async () => {
    const clock = new FakeClock();
    await using rig = await startRig({ config: timeouts, parts: { clock } });
    rig.model.answer = ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
    };
    const { response } = await rig.open('/test', rig.envelope({})).answer;
    const pieces = response[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('data: 1\n\n');
    await clock.advance(6_000);
    expect(String((await pieces.next()).value)).toContain('"code":"MODEL_SERVER_TIMEOUT"');
    await rig.model.aborted(1);
    expect(balanced(await rig.health())).toMatchObject({ errored: 1 });
  });
});

describe('a control plane that takes reports and never answers', () => {
  it('costs no request and no number, and does not keep a worker from stopping', async () => {
    await using rig = await startRig({ secured: true, env: { DRAIN_TIMEOUT_SECONDS: '1' } });
    await rig.controlPlane.status(({ loadtime }) => loadtime > 0);
    const hold = Promise.withResolvers<void>();
    let held = 0;
    rig.controlPlane.beforeAnswer = () => {
      held += 1;
      return hold.promise;
    };
    const told = rig.controlPlane.sumOf('cur_perf');
    for (let n = 0; n < 20; n += 1) expect((await rig.post('/test', { workload: 3 })).status).toBe(200);
    await until(() => held >= 2); // a status and a list of finished requests hang
    for (let n = 0; n < 20; n += 1) expect((await rig.post('/test', { workload: 3 })).status).toBe(200);
    hold.resolve();
    await rig.controlPlane.until(() => rig.controlPlane.sumOf('cur_perf') === told + 120 && rig.controlPlane.deletedRequests.length >= 40);

    rig.controlPlane.beforeAnswer = () => new Promise(() => undefined); // and now for good
    expect((await rig.post('/test', { workload: 3 })).status).toBe(200);
    balanced(await rig.health());
    await rig.worker.stop();
  });
});

describe('a client that vanishes without a word', () => {
  it('holds its place only as long as the system takes to notice; one that says goodbye, not at all', async () => {
    await using rig = await startRig({ handlers: [{ ...testHandler, allowParallelRequests: false }] });
    rig.model.hold();
    const gone = rig.open('/test', rig.envelope({ workload: 5 }));
    await rig.model.received(1);
    gone.outgoing.socket?.resetAndDestroy(); // a reset, as when a network comes back
    await rig.model.aborted(1);
    const next = rig.post('/test', { workload: 7 });
    await rig.model.received(2);
    rig.model.release();
    expect((await next).status).toBe(200);
    expect(balanced(await rig.health())).toMatchObject({ cancelled: 5, served: 7 });
  });

  it('is in no book when it leaves in the middle of its body', async () => {
    await using rig = await startRig();
    const body = rig.envelope({ workload: 5 });
    const half = rig.open('/test', '', { headers: { 'content-length': String(body.length) } });
    half.outgoing.write(body.slice(0, 20));
    half.leave();
    expect(balanced(await rig.health())).toMatchObject({ received: 0 });
  });
});

describe('a thousand clients that leave in the middle of a stream', () => {
  it('are cancelled, each once, and reach the model server', async () => {
    await using rig = await startRig();
    rig.model.answer = ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
    };
    const wave = async () => {
      const clients = Array.from({ length: 100 }, () => rig.open('/test', rig.envelope({ workload: 2 })));
      await Promise.all(
        clients.map(async (client) => {
          const { response } = await client.answer;
          response.on('error', () => undefined);
          await once(response, 'data');
          client.leave();
        }),
      );
    };
    for (let n = 0; n < 10; n += 1) await wave();
    await rig.model.aborted(1_000);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(balanced(health)).toMatchObject({ received: 2_000, cancelled: 2_000, served: 0, errored: 0 });
  });
});

describe('a handler of one’s own', () => {
  const withRespond = (respond: HandlerConfig['respond']) => startRig({ handlers: [{ ...testHandler, respond }] });

  it('that throws in the middle of its stream is errored, and nobody takes the answer for complete', async () => {
    await using rig = await withRespond(() => {
      let sent = false;
      const body = new ReadableStream({
        pull(controller) {
          if (sent) throw new Error('a secret of the handler');
          sent = true;
          controller.enqueue(new TextEncoder().encode('half'));
        },
      });
      return new Response(body);
    });
    await expect(rig.post('/test', { workload: 4 })).rejects.toThrow(/aborted|hang up|reset/);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(balanced(health)).toMatchObject({ errored: 4 });
  });

  it('whose model server breaks off in the middle of an answer is told so, and so is the client', async () => {
    const seen: unknown[] = [];
    await using rig = await withRespond(async ({ callModel }) => {
      const answer = await callModel('/part', { json: {} });
      return Response.json(
        await answer.json().catch((error: unknown) => {
          seen.push((error as { code?: unknown }).code);
          throw error;
        }),
      );
    });
    rig.model.answer = ({ response }) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"half":', () => response.destroy());
    };
    const reply = await rig.post('/test', { workload: 3 });
    expect([reply.status, reply.json().error.code, seen]).toEqual([502, 'MODEL_SERVER_UNREACHABLE', ['MODEL_SERVER_UNREACHABLE']]);
    expect(balanced(await rig.health())).toMatchObject({ errored: 3 });
  });

  it('that never answers ends with the drain, and its client is told', async () => {
    await using rig = await startRig({
      handlers: [{ ...testHandler, respond: () => new Promise<Response>(() => undefined) }],
      env: { DRAIN_TIMEOUT_SECONDS: '0.2' },
    });
    const hanging = rig.post('/test', { workload: 4 });
    await rig.untilHealth(({ openRequests }) => openRequests === 1);
    await rig.worker.stop();
    expect((await hanging).json().error.code).toBe('WORKER_DRAINING');
  });

  it('that reads past the end of its answers, or twice, fails alone', async () => {
    await using rig = await withRespond(async ({ payload, callModel }) => {
      const answer = await callModel('/part', { json: payload });
      await answer.text();
      return new Response(await answer.text()); // the body is used up: this throws
    });
    const reply = await rig.post('/test', { workload: 4 });
    expect([reply.status, reply.json().error.code]).toEqual([500, 'HANDLER_FAILED']);
    expect(balanced(await rig.health())).toMatchObject({ errored: 4 });
  });

  it('that leaves calls open behind its answer has them ended with it', async () => {
    await using rig = await withRespond(({ callModel }) => {
      for (let n = 0; n < 5; n += 1) void callModel('/part', { json: { n } }).catch(() => undefined);
      return new Response('enough');
    });
    rig.model.hold();
    expect((await rig.post('/test', { workload: 4 })).text).toBe('enough');
    expect(balanced(await rig.health())).toMatchObject({ served: 4, open: 0 });
    await until(async () => (await rig.model.connections()) === 0 || rig.model.requests.every(({ isAborted }) => isAborted));
  });
});

/** The supervised worker on a disk of its own of so many KiB, which `prepare` fills before it starts. */
async function onSmallDisk(kib: number, prepare: string, environment: (folder: string) => Record<string, string>) {
  const folder = await temporaryFolder();
  const plane = new FakeControlPlane();
  await plane.listen();
  const node = `${process.execPath} --conditions=@bluefly/source ${fileURLToPath(new URL('supervised-worker.ts', import.meta.url))}`;
  const disk = `mount -t tmpfs -o size=${kib}k tmpfs ${folder.path} && cd ${folder.path}`;
  const child = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', `${disk} && { ${prepare}; }; exec ${node}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      CONTAINER_ID: '7',
      MASTER_TOKEN: 'the-master-token',
      REPORT_ADDR: plane.url,
      PUBLIC_IPADDR: '127.0.0.1',
      UNSECURED: 'true',
      WORKER_HOST: '127.0.0.1',
      WORKER_PORT: '0',
      VAST_TCP_PORT_0: '1',
      WORKER_HTTP_PORT: '0',
      ...environment(folder.path),
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const gone = once(child, 'exit');
  return {
    plane,
    output: () => output,
    /** Resolves once the control plane was told so; rejects when the worker ends first. */
    reported: (isMet: Parameters<FakeControlPlane['status']>[0]) =>
      Promise.race([plane.status(isMet), gone.then(() => Promise.reject(new Error(`ended early:\n${output}`)))]),
    port: () => Number(/"port":(\d+)[^\n]*"msg":"listening"/.exec(output)?.[1]),
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await gone;
      await Promise.all([plane.close(), folder[Symbol.asyncDispose]()]);
    },
  };
}

const fillUp = 'head -c 10000000 /dev/zero > full 2>/dev/null';

describe('a full disk', () => {
  it('keeps no worker from serving: the benchmark is not kept, and that is said', async () => {
    const model = new FakeModelServer();
    model.info = { model_id: 'a-model', model_sha: '1' }; // else there is nothing to know the benchmark by
    await model.listen();
    await using worker = await onSmallDisk(64, fillUp, (folder) => ({
      MODEL_SERVER_PORT: String(model.port),
      PERF_CACHE_FILE: `${folder}/perf.json`,
    }));
    await worker.reported(({ loadtime }) => loadtime > 0);
    expect(worker.output()).toContain('benchmark could not be kept for the next start');
    await worker.stop();
    expect(worker.output()).toContain('"msg":"stopped"');
    await model.kill();
  });

  it.each([
    ['before its start', fillUp],
    ['by its own log', 'true'],
  ])('%s stops neither the answers of a model server nor the worker’s', async (_, prepare) => {
    const [port, programs] = [String(await freePort()), await temporaryFolder()];
    await using _programs = programs;
    // Says more than there is room for at its start, with every answer some more, and does not mind.
    const program = `
      process.stdout.on('error', () => undefined);
      const say = (lines) => { for (let n = 0; n < lines; n += 1) process.stdout.write('x'.repeat(999) + '\\n'); };
      require('http').createServer((request, response) => { say(100); response.end('{}'); }).listen(${port}, '127.0.0.1', () => say(1000));`;
    await writeFile(join(programs.path, 'model.cjs'), program);
    await using worker = await onSmallDisk(256, prepare, (folder) => ({
      MODEL_SERVER_COMMAND: `${process.execPath} ${join(programs.path, 'model.cjs')}`,
      MODEL_SERVER_PORT: port,
      MODEL_STATE_DIR: `${folder}/state`,
      MIN_FREE_DISK_GIB: '0', // else it would not start at all: doctor.test.ts
    }));
    await worker.reported(({ loadtime }) => loadtime > 0);
    const grant = { cost: 1, endpoint: 'e', reqnum: 1, request_idx: 1, signature: 'x', url: 'x' };
    for (let n = 0; n < 20; n += 1) {
      const body = JSON.stringify({ auth_data: grant, payload: { inputs: 'a' } });
      expect((await fetch(`http://127.0.0.1:${worker.port()}/embed`, { method: 'POST', body })).status).toBe(200);
    }
    await worker.stop();
    expect(worker.output()).toContain('"msg":"stopped"');
  });
});
