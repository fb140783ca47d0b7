import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FakeControlPlane, FakeModelServer } from '../src/testing/index.ts';
import { startProcess } from '../src/testing/start-process.ts';

const example = new URL('../examples/vastai-worker-example.ts', import.meta.url);

describe('the quick start', () => {
  it('is in the README word for word', async () => {
    const [code, readme] = await Promise.all([readFile(example, 'utf8'), readFile(new URL('../README.md', import.meta.url), 'utf8')]);
    expect(readme).toContain(code.trim());
  });

  it('runs as it is, counts the inputs, and ends with 0 on SIGTERM after its last report', async () => {
    const model = new FakeModelServer();
    const controlPlane = new FakeControlPlane();
    await Promise.all([model.listen(), controlPlane.listen()]);
    await using worker = startProcess(example, {
      CONTAINER_ID: '7',
      MASTER_TOKEN: 'the-master-token',
      REPORT_ADDR: controlPlane.url,
      PUBLIC_IPADDR: '127.0.0.1',
      WORKER_PORT: '0',
      VAST_TCP_PORT_0: '4000',
      WORKER_HOST: '127.0.0.1',
      MODEL_SERVER_PORT: String(model.port),
      UNSECURED: 'yes',
      HF_TOKEN: 'hf_the-secret-token',
      LOG_LEVEL: 'trace',
    });
    const port = await worker.port();
    await controlPlane.status(({ max_perf }) => max_perf > 0);

    const grant = { cost: 2, endpoint: 'e', reqnum: 1, request_idx: 5, signature: 'x', url: 'x' };
    const reply = await fetch(`http://127.0.0.1:${port}/v1/embeddings`, {
      method: 'POST',
      body: JSON.stringify({ auth_data: grant, payload: { input: ['private words', 'b'] } }),
    });
    expect(reply.status).toBe(200);
    await reply.text();
    worker.process.kill('SIGTERM');
    await once(worker.process, 'close');

    expect(worker.process.exitCode).toBe(0);
    expect(controlPlane.sumOf('cur_perf')).toBe(2);
    expect(controlPlane.deletedRequests).toMatchObject([{ request_idx: 5, status: 'Success' }]);
    // HF_TOKEN reaches the model server and nobody else; payloads and secrets reach no log.
    expect(model.requests.every(({ headers }) => headers.authorization === 'Bearer hf_the-secret-token')).toBe(true);
    expect(JSON.stringify([controlPlane.statuses, controlPlane.deletions, controlPlane.headers])).not.toContain('hf_the-secret-token');
    for (const secret of ['hf_the-secret-token', 'the-master-token', 'private words']) expect(worker.output()).not.toContain(secret);
    await Promise.all([model.kill(), controlPlane.close()]);
  });

  it('lists every problem of its environment and ends before it opens a port; the control plane hears of it', async () => {
    const controlPlane = new FakeControlPlane();
    await controlPlane.listen();
    await using worker = startProcess(example, {
      CONTAINER_ID: '7',
      REPORT_ADDR: controlPlane.url,
      WORKER_PORT: '70000',
      MODEL_SERVER_URL: 'localhost:8000',
      UNSECURED: 'perhaps',
    });
    await once(worker.process, 'close');

    expect(worker.process.exitCode).not.toBe(0);
    for (const name of ['WORKER_PORT', 'MODEL_SERVER_URL', 'UNSECURED', 'PUBLIC_IPADDR', 'VAST_TCP_PORT_3000']) {
      expect(worker.output()).toContain(`environment variable ${name}`);
    }
    expect(worker.output()).not.toContain('listening');
    expect(controlPlane.statuses).toMatchObject([{ id: 7, error_msg: expect.stringContaining('UNSECURED'), max_perf: 0 }]);
    await controlPlane.close();
  });

  it('says which port is taken and what to change', async () => {
    const other = new FakeModelServer();
    await other.listen();
    await using worker = startProcess(example, { WORKER_PORT: String(other.port), WORKER_HOST: '127.0.0.1', UNSECURED: 'true' });
    await once(worker.process, 'close');
    expect(worker.process.exitCode).not.toBe(0);
    expect(worker.output()).toContain('environment variable WORKER_PORT');
    expect(worker.output()).toContain(`${other.port}, which is taken`);
    await other.kill();
  });
});
