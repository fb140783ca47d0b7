import 'reflect-metadata';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { createVastWorker, FitnessError, type WorkerConfig } from '../src/index.ts';
import { FakeServer } from '../src/testing/fake-server.ts';
import { FakeControlPlane, FakeModelServer, freePort, silentParts, startProcess, startRig, temporaryFolder } from '../src/testing/index.ts';
import { describe as describeDiagnosis, examine } from '../src/worker/doctor.ts';
import type { Finding } from '../src/worker/finding.ts';

const cli = new URL('../src/cli.ts', import.meta.url);

/** A machine where all is well: a model server, a control plane, a free port, a GPU. Each test breaks one thing. */
async function startMachine() {
  const folder = await temporaryFolder();
  const [model, controlPlane] = [new FakeModelServer(), new FakeControlPlane()];
  await Promise.all([model.listen(), controlPlane.listen()]);
  const port = await freePort();
  const setNvidiaSmi = async (script: string) => {
    const file = join(folder.path, 'nvidia-smi');
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  };
  await setNvidiaSmi("echo 'NVIDIA RTX 4090, 24564 MiB, 570.00'");
  const env: Record<string, string> = {
    PATH: folder.path,
    HOME: folder.path,
    CONTAINER_ID: '7',
    MASTER_TOKEN: 'the-master-token',
    HF_TOKEN: 'hf_the-secret',
    REPORT_ADDR: controlPlane.url,
    PUBLIC_IPADDR: '203.0.113.9',
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: String(port),
    [`VAST_TCP_PORT_${port}`]: '40000',
    WORKER_HTTP_PORT: '0',
    MODEL_SERVER_PORT: String(model.port),
    MODEL_STATE_DIR: join(folder.path, 'state'),
  };
  return {
    model,
    controlPlane,
    folder: folder.path,
    env,
    setNvidiaSmi,
    /** What one check finds, with some variables set otherwise. */
    async finds(check: string, changes: Record<string, string> = {}): Promise<Finding[]> {
      const { findings } = await examine({ env: { ...env, ...changes }, timeoutMs: 300 });
      return findings.filter((finding) => finding.check === check);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([model.kill(), controlPlane.close()]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Takes connections and says nothing. */
async function startBlackHole(): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };

async function makeCertificate(
  { SSL_CERT_FILE, SSL_KEY_FILE }: { SSL_CERT_FILE: string; SSL_KEY_FILE: string },
  notAfter: Date,
): Promise<void> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const notBefore = new Date(notAfter.getTime() - 2 * 86_400_000);
  const name = 'CN=worker';
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    notBefore,
    notAfter,
  });
  await writeFile(SSL_CERT_FILE, certificate.toString('pem'));
  await writeFile(SSL_KEY_FILE, x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'));
}

/** Answers everything with 200 and a page. */
async function startImpostor(): Promise<AsyncDisposable & { url: string }> {
  const server = new FakeServer((_request, response) => void response.end('<html>Welcome to the router of this hotel</html>'));
  await server.listen();
  return { url: server.url, [Symbol.asyncDispose]: () => server.close() };
}

describe('doctor', () => {
  it('finds nothing wrong on a good machine, and something to do for everything that is not', async () => {
    await using machine = await startMachine();
    const { status, findings } = await examine({ env: machine.env });
    expect([status, findings.filter((finding) => finding.status !== 'ok')]).toEqual(['ok', []]);
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set(['environment', 'ports', 'gpu', 'disk', 'model server', 'control plane']),
    );

    const bare = await examine({ env: { WORKER_PORT: '99999' } });
    expect(bare.status).toBe('wrong');
    expect(bare.findings.filter((finding) => finding.status !== 'ok' && !finding.todo)).toEqual([]);
  });

  it('lists wrong variables, and what is dangerous though allowed', async () => {
    await using machine = await startMachine();
    expect(await machine.finds('environment', { UNSECURED: 'perhaps', PUBLIC_IPADDR: '' })).toMatchObject([
      { status: 'wrong', found: 'environment variable UNSECURED is "perhaps"', todo: expect.stringContaining('yes or no') },
      { status: 'wrong', found: 'environment variable PUBLIC_IPADDR is not set' },
    ]);
    expect(await machine.finds('environment', { UNSECURED: 'yes', MASTER_TOKEN: '' })).toMatchObject([
      { status: 'warning' },
      { status: 'warning' },
    ]);
  });

  it('knows a worker that tells strangers nothing by its name in the answer, and shows the token to nobody', async () => {
    const METRICS_TOKEN = 'the-metrics-token';
    await using rig = await startRig({ env: { METRICS_TOKEN }, awaitReady: false });
    while ((await rig.get('/health')).status !== 200);
    const portsOf = async (port: number) => {
      const env = { UNSECURED: 'true', WORKER_HOST: '127.0.0.1', WORKER_PORT: String(port), METRICS_TOKEN };
      return (await examine({ env, timeoutMs: 300 })).findings.filter(({ check }) => check === 'ports');
    };
    expect(await portsOf(rig.port)).toMatchObject([{ status: 'ok', found: `${rig.port}: a worker listens, ready` }]);

    const shown: (string | undefined)[] = [];
    const other = new FakeServer(({ headers }, response) => {
      shown.push(headers.authorization);
      response.end();
    });
    await other.listen();
    expect(await portsOf(other.port)).toMatchObject([{ status: 'wrong', found: `${other.port} is taken` }]);
    expect(shown).toEqual([undefined]);
    await other.close();
  });

  it('tells a port that is taken from one where a worker listens', async () => {
    await using machine = await startMachine();
    const taken = { WORKER_PORT: String(machine.model.port), [`VAST_TCP_PORT_${machine.model.port}`]: '1' };
    expect(await machine.finds('ports', taken)).toMatchObject([
      { status: 'wrong', found: `${machine.model.port} is taken`, todo: expect.stringContaining('WORKER_PORT') },
      { status: 'ok' },
    ]);
    await using rig = await startRig();
    expect(await machine.finds('ports', { WORKER_PORT: String(rig.port) })).toMatchObject([
      { status: 'ok', found: `${rig.port}: a worker listens, phase ready` },
    ]);
    expect(await machine.finds('ports', { WORKER_HOST: '192.0.2.1' })).toMatchObject([
      { status: 'wrong', found: 'WORKER_HOST is no address of this machine' },
      {},
    ]);
    expect(await machine.finds('ports', { WORKER_HTTP_PORT: String(machine.model.port) })).toMatchObject([
      { status: 'ok' },
      { status: 'wrong', todo: expect.stringContaining('WORKER_HTTP_PORT') },
    ]);
  });

  it('sees GPUs, none, and one that fails', async () => {
    await using machine = await startMachine();
    expect(await machine.finds('gpu')).toMatchObject([{ status: 'ok', found: 'NVIDIA RTX 4090, 24564 MiB, 570.00' }]);
    await machine.setNvidiaSmi('echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18');
    expect(await machine.finds('gpu')).toMatchObject([{ status: 'wrong', found: 'nvidia-smi fails (exit code 18)' }]);
    expect(await machine.finds('gpu', { PATH: '/nonexistent' })).toMatchObject([{ status: 'warning' }]);
    expect(await machine.finds('gpu', { PATH: '/nonexistent', REQUIRE_GPU: 'yes' })).toMatchObject([{ status: 'wrong' }]);
  });

  it('sees a disk that is too full', async () => {
    await using machine = await startMachine();
    const [found] = await machine.finds('disk', { MIN_FREE_DISK_GIB: '1000000' });
    expect(found).toMatchObject({ status: 'wrong', todo: expect.stringContaining('MIN_FREE_DISK_GIB') });
    expect(found?.found).toMatch(/^\d+\.\d GiB free for .*, less than 1000000$/);
  });

  it('sees how the model server is', async () => {
    await using machine = await startMachine();
    machine.model.health = 503;
    expect(await machine.finds('model server')).toMatchObject([{ status: 'wrong', found: expect.stringMatching(/answers 503$/) }]);
    machine.model.health = 404;
    expect(await machine.finds('model server')).toMatchObject([
      { status: 'warning', todo: expect.stringContaining('MODEL_HEALTH_ENDPOINT') },
    ]);
    await using hole = await startBlackHole();
    expect(await machine.finds('model server', { MODEL_SERVER_PORT: String(hole.port) })).toMatchObject([
      { status: 'wrong', found: expect.stringMatching(/does not answer within 0.3 s$/) },
    ]);
    await machine.model.kill();
    expect(await machine.finds('model server')).toMatchObject([{ status: 'warning', found: expect.stringMatching(/^nobody listens at/) }]);
  });

  it('sees whether the worker could start the model server, and starts nothing', async () => {
    await using machine = await startMachine();
    await machine.model.kill();
    expect(await machine.finds('model server', { MODEL_SERVER_COMMAND: 'nvidia-smi --loop' })).toMatchObject([
      { status: 'ok', found: expect.stringMatching(/the worker starts it$/) },
    ]);
    await writeFile(join(machine.folder, 'file'), '');
    const broken = { MODEL_SERVER_COMMAND: 'no-such-program', MODEL_STATE_DIR: join(machine.folder, 'file', 'state') };
    expect(await machine.finds('model server', broken)).toMatchObject([
      { status: 'wrong', found: 'there is no program no-such-program' },
      { status: 'wrong', found: expect.stringContaining('cannot be written (ENOTDIR)') },
      { status: 'ok' },
    ]);
    expect((await readdir(machine.folder)).sort()).toEqual(['file', 'nvidia-smi']);
    await mkdir(join(machine.folder, 'shared'));
    await chmod(join(machine.folder, 'shared'), 0o777);
    const shared = { MODEL_SERVER_COMMAND: 'nvidia-smi', MODEL_STATE_DIR: join(machine.folder, 'shared') };
    expect(await machine.finds('model server', shared)).toMatchObject([
      { status: 'wrong', found: expect.stringMatching(/others may write it$/) },
      { status: 'ok' },
    ]);
  });

  it('sees a control plane that is away, swallows everything, refuses, or has no good key', async () => {
    await using machine = await startMachine();
    await using hole = await startBlackHole();
    expect(await machine.finds('control plane', { REPORT_ADDR: `http://127.0.0.1:${hole.port}` })).toMatchObject([
      {
        status: 'wrong',
        found: `http://127.0.0.1:${hole.port}/pubkey/ does not answer within 0.3 s`,
        todo: expect.stringContaining('firewall'),
      },
    ]);
    expect(await machine.finds('control plane', { REPORT_ADDR: `http://127.0.0.1:${await freePort()}` })).toMatchObject([
      { status: 'wrong', found: expect.stringMatching(/refuses connections$/) },
    ]);
    await using impostor = await startImpostor();
    expect(await machine.finds('control plane', { REPORT_ADDR: impostor.url })).toMatchObject([
      { status: 'wrong', found: expect.stringMatching(/gives no RSA key/) },
    ]);
    machine.controlPlane.keyStatus = 500;
    expect(await machine.finds('control plane')).toMatchObject([{ status: 'wrong', found: expect.stringMatching(/answers 500$/) }]);
  });

  it('takes one address that works for enough, and warns of the others', async () => {
    await using machine = await startMachine();
    const addresses = `http://127.0.0.1:${await freePort()},${machine.controlPlane.url}`;
    expect(await machine.finds('control plane', { REPORT_ADDR: addresses })).toMatchObject([{ status: 'warning' }, { status: 'ok' }]);
  });

  it('sees a certificate that is missing, unreadable, or over', async () => {
    await using machine = await startMachine();
    const files = { SSL_CERT_FILE: join(machine.folder, 'c.pem'), SSL_KEY_FILE: join(machine.folder, 'k.pem') };
    const secure = { USE_SSL: 'true', ...files };
    expect(await machine.finds('certificate', secure)).toMatchObject([{ status: 'ok', found: 'none yet; the worker asks Vast for one' }]);
    expect(await machine.finds('certificate', { ...secure, CONTAINER_ID: '' })).toMatchObject([
      { status: 'wrong', todo: expect.stringContaining('USE_SSL') },
    ]);
    await Promise.all(Object.values(files).map((file) => writeFile(file, 'not PEM')));
    expect(await machine.finds('certificate', secure)).toMatchObject([
      { status: 'wrong', found: expect.stringContaining('not readable PEM') },
    ]);
    await makeCertificate(files, new Date(Date.now() - 1_000));
    expect(await machine.finds('certificate', secure)).toMatchObject([
      { status: 'wrong', found: expect.stringContaining('was good until') },
    ]);
    await makeCertificate(files, new Date(Date.now() + 86_400_000));
    expect(await machine.finds('certificate', secure)).toMatchObject([{ status: 'ok', found: expect.stringContaining('is good until') }]);
    await mkdir(join(machine.folder, 'folder'));
    expect(await machine.finds('certificate', { ...secure, SSL_KEY_FILE: join(machine.folder, 'folder') })).toMatchObject([
      { status: 'wrong' },
    ]);
  });

  it('tells what it still waits for, and in the end nothing', async () => {
    await using machine = await startMachine();
    const told: (readonly string[])[] = [];
    await examine({ env: machine.env, onProgress: (waitingFor) => told.push(waitingFor) });
    expect(told[0]).toContain('control plane');
    expect(told.map(({ length }) => length)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('shows what to do beneath what is wrong', () => {
    const findings: Finding[] = [
      { check: 'gpu', status: 'wrong', found: 'none', todo: 'plug one in' },
      { check: 'ports', status: 'ok', found: '3000 is free' },
    ];
    expect(describeDiagnosis({ status: 'wrong', findings })).toBe(
      ['wrong    gpu    none', '                plug one in', 'ok       ports  3000 is free', '', 'wrong: 1, warnings: 0, ok: 1', ''].join(
        '\n',
      ),
    );
  });
});

describe('vast-worker doctor', () => {
  const run = (env: Record<string, string>, ...args: string[]) =>
    spawnSync(process.execPath, ['--conditions=@bluefly/source', fileURLToPath(cli), 'doctor', ...args], { env, encoding: 'utf8' });

  it('is plain where nobody watches, shows no secret, and ends with 0 when nothing is wrong', async () => {
    await using machine = await startMachine();
    await using command = startProcess(cli, machine.env, ['doctor']);
    await once(command.process, 'close');
    expect(command.process.exitCode).toBe(0);
    expect(command.output()).toMatch(/^ok {7}environment {4}worker 7 at http:\/\/203\.0\.113\.9:40000\n/);
    expect(command.output()).not.toContain('\u001b');
    for (const secret of ['the-master-token', 'hf_the-secret']) expect(command.output()).not.toContain(secret);
  });

  it('ends with 1 when something is, and speaks JSON', () => {
    const { status, stdout } = run({ UNSECURED: 'perhaps' }, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'wrong',
      findings: expect.arrayContaining([expect.objectContaining({ check: 'environment', status: 'wrong' })]),
    });
  });

  it('helps, and refuses what it does not know', () => {
    expect(run({}, '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('vast-worker doctor [--json]') });
    expect(run({}, '--frobnicate')).toMatchObject({ status: 2, stderr: expect.stringContaining('--frobnicate') });
  });
});

describe('the start of a worker', () => {
  const startOn = async (env: Record<string, string>, config: Partial<WorkerConfig> = {}) => {
    const worker = createVastWorker({ handlers: [{ route: '/embed' }], ...config }, { env, handleSignals: false, parts: silentParts });
    const problem = await worker.run().catch((error: unknown) => error);
    return problem;
  };

  it.each([
    ['without the GPU it needs', { PATH: '/nonexistent', REQUIRE_GPU: 'yes' }, {}, 'no GPU is visible'],
    ['on a full disk', { MIN_FREE_DISK_GIB: '1000000' }, {}, 'less than 1000000'],
    ['without the program of its model server', {}, { modelServer: { command: 'no-such-program' } }, 'there is no program no-such-program'],
  ])('fails at once %s, and tells the control plane', async (_title, env, config, words) => {
    await using machine = await startMachine();
    const error = await startOn({ ...machine.env, ...env }, config);
    expect(error).toBeInstanceOf(FitnessError);
    expect((error as Error).message).toContain(words);
    expect(machine.controlPlane.statuses).toMatchObject([{ id: 7, error_msg: expect.stringContaining(words), max_perf: 0 }]);
  });
});
