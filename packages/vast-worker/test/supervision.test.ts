import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { identify, readProcess, runningInGroup } from '../src/adapters/process-table.ts';
import { createVastWorker, vllmLogRules } from '../src/index.ts';
import { FakeModelServer, freePort, silentParts, temporaryFolder, until } from '../src/testing/index.ts';
import { embeddedModelServer, healthyServer, nodeProgram, startSupervisedRig } from './supervised-rig.ts';

const isPhase =
  (wanted: string) =>
  ({ phase }: { phase: string }) =>
    phase === wanted;
const [isReady, isFailed] = [isPhase('ready'), isPhase('failed')];
const isReadyAgain = (health: { phase: string; modelServer: { starts: number } }) => isReady(health) && health.modelServer.starts === 2;

const isLinux = process.platform === 'linux';

describe('a model server that the worker starts', () => {
  it('is loaded when its log says so, serves, and ends with its worker, leaving no orphan and no zombie', async () => {
    await using run = await startSupervisedRig({
      program: embeddedModelServer(),
      config: { logActionConfig: { onLoad: ['Ready'] } },
      env: { HF_TOKEN: 'hf_secret-token' },
    });
    const { modelServer } = await run.health(isReady);
    expect(modelServer).toMatchObject({ origin: 'spawned', starts: 1 });
    expect((await run.rig.post('/embed', { inputs: 'hello' })).status).toBe(200);
    expect(run.output()).toContain('Ready');
    expect(await readFile(join(run.folder, 'model-server.log'), 'utf8')).toContain('Ready');

    await run.rig.worker.stop();
    expect(readProcess(modelServer.pid)).toBeUndefined();
    expect(runningInGroup(modelServer.pid)).toEqual([]);
  });

  it('has HF_TOKEN and its own settings in its environment, and no secret of the worker; no token is passed on', async () => {
    const script = `console.log(JSON.stringify(process.env)); ${healthyServer()}`;
    await using run = await startSupervisedRig({
      program: nodeProgram(script),
      modelServer: { env: { OWN_SETTING: 'yes' } },
      env: { HF_TOKEN: 'hf_secret-token', MASTER_TOKEN: 'the-master-token' },
    });
    await run.health(isReady);
    const environment = JSON.parse((await readFile(join(run.folder, 'model-server.log'), 'utf8')).split('\n')[0] ?? '');
    expect(environment).toMatchObject({ HF_TOKEN: 'hf_secret-token', OWN_SETTING: 'yes' });
    expect(environment).not.toHaveProperty('MASTER_TOKEN');
    expect(run.output()).toContain('"HF_TOKEN":"[HF_TOKEN]"');
    expect(run.output()).not.toContain('hf_secret-token');
  });

  it('that is killed makes the worker fail and load again; meanwhile no speed is reported', async () => {
    await using run = await startSupervisedRig({ program: embeddedModelServer(), secured: true });
    const { modelServer } = await run.health(isReady);
    await run.rig.controlPlane.status(({ max_perf }) => max_perf > 0);
    process.kill(modelServer.pid, 'SIGKILL');

    const again = await run.health(isReadyAgain);
    expect(again.modelServer).toMatchObject({ origin: 'spawned', starts: 2 });
    expect(again.modelServer.pid).not.toBe(modelServer.pid);
    expect(run.reasons()).toContain('the model server was ended by SIGKILL');
    expect(run.reasons()).toContain('the model server is loading again; before, it was ended by SIGKILL');
    expect((await run.rig.post('/embed', { inputs: 'hello' })).status).toBe(200);
    const { statuses } = run.rig.controlPlane;
    const firstReady = statuses.findIndex(({ max_perf }) => max_perf > 0);
    await run.rig.controlPlane.until(() => statuses.slice(firstReady).some(({ max_perf }) => max_perf === 0));
  });

  it('that ends with exit code 0 has failed, too', async () => {
    await using run = await startSupervisedRig({
      program: nodeProgram(healthyServer("if (request.url === '/embed?die') process.exit(0);")),
    });
    await run.health(isReady);
    await fetch(`http://127.0.0.1:${run.modelPort}/embed?die`).catch(() => undefined);
    await run.health(isReadyAgain);
    expect(run.reasons()).toContain('the model server exited with code 0');
  });

  it('that is vLLM and loses its engine ends with exit code 0, and the cause is in its last lines', async () => {
    const dataset = [{ prompt: 'hello', max_tokens: 1 }];
    await using run = await startSupervisedRig({
      program: embeddedModelServer('--dialect', 'vllm', '--engine-death-after', '3', '--watchdog-ms', '100'),
      handlers: [{ route: '/v1/completions', allowParallelRequests: true, benchmarkConfig: { dataset, runs: 1, concurrency: 1 } }],
      config: { logActionConfig: vllmLogRules },
    });
    await run.health(isReady); // after three requests: warm-up, benchmark, canary
    expect((await run.rig.post('/v1/completions', { prompt: 'hello', max_tokens: 1 })).status).toBe(500);
    expect((await run.health(isReadyAgain)).modelServer.starts).toBe(2);
    expect(run.reasons().find((reason) => reason.includes('code 0:'))).toMatch(
      /^the model server exited with code 0: vLLM's engine failed;/,
    );
  });

  it.runIf(isLinux)('that leaves an engine behind when it dies is started again only when that is gone', async () => {
    const engine = "require('node:child_process').spawn('sleep', ['1000'], { stdio: 'inherit' });";
    await using run = await startSupervisedRig({ program: nodeProgram(healthyServer('', engine)) });
    const { modelServer } = await run.health(isReady);
    expect(runningInGroup(modelServer.pid)).toHaveLength(2);
    process.kill(modelServer.pid, 'SIGKILL');
    await run.health(isReadyAgain);
    expect(runningInGroup(modelServer.pid)).toEqual([]);
  });

  it('that crashes again and again is given up, with the cause and what to do about it', async () => {
    await using run = await startSupervisedRig({
      program: embeddedModelServer('--oom', 'at-load'),
      modelServer: { maxRestarts: 2 },
      secured: true,
    });
    const { reason, modelServer } = await run.health(({ reason: text }) => text.includes('given up'));
    expect(reason).toContain('the model server exited with code 1: out of GPU memory; take a GPU with more memory or a smaller model');
    expect(reason).toContain('given up after 3 failures in a row');
    expect(modelServer.starts).toBe(3);
    expect((await run.rig.controlPlane.status(({ error_msg }) => error_msg === reason)).max_perf).toBe(0);
  });

  it.each([
    ['of a failure that stays', nodeProgram("console.error('cuda compute cap 70 is not supported'); process.exit(1)"), 'rent a GPU'],
    ['it cannot be run', () => [fileURLToPath(new URL('no-interpreter.sh', import.meta.url))] as [string], 'could not be started (ENOENT)'],
  ])('is not started again because %s', async (_title, program, words) => {
    await using run = await startSupervisedRig({ program });
    const { reason, modelServer } = await run.health(isFailed);
    expect(reason).toContain(words);
    expect(reason).toContain('another start would not help');
    expect(modelServer.starts).toBe(1);
  });

  it('is not started while somebody else has its port, and he is not taken for it', async () => {
    const other = new FakeModelServer();
    await other.listen();
    await using run = await startSupervisedRig({ program: embeddedModelServer(), modelPort: other.port });
    expect(await run.cameTo('failed')).toContain(`its port ${other.port} is taken`);
    expect((await run.rig.health()).modelServer.starts).toBe(0);
    await other.kill();
    expect((await run.health(isReady)).modelServer.starts).toBe(1);
    expect(other.requests).toHaveLength(0);
  });

  it('that lives and does not answer is killed and started again', async () => {
    await using run = await startSupervisedRig({ program: embeddedModelServer(), config: { modelHealthTimeout: 0.3 } });
    const { modelServer } = await run.health(isReady);
    process.kill(modelServer.pid, 'SIGSTOP');
    await run.cameTo('failed');
    await until(() => readProcess(modelServer.pid) === undefined);
    const again = await run.health(isReadyAgain);
    expect(again.modelServer).toMatchObject({ starts: 2 });
    expect(again.modelServer.pid).not.toBe(modelServer.pid);
  });

  it('that logs an error while it loads, and serves all the same, is left alone', async () => {
    await using run = await startSupervisedRig({
      program: nodeProgram(healthyServer('', "console.log('RuntimeError: harmless');")),
      config: { logActionConfig: { onLoad: ['startup complete'], onError: ['RuntimeError'] } },
    });
    expect(await run.cameTo('failed')).toBe("the model server's log matched: RuntimeError");
    expect((await run.health(isReady)).modelServer.starts).toBe(1);
  });

  it('that logs an error while it loads, and neither ends nor serves, is killed', async () => {
    await using run = await startSupervisedRig({
      program: nodeProgram("console.log('RuntimeError: stuck'); setInterval(() => undefined, 1e6);"),
      config: { logActionConfig: { onError: ['RuntimeError'] } },
      modelServer: { maxRestarts: 0 },
    });
    const { reason, modelServer } = await run.health(({ reason: text }) => text.includes('given up'));
    expect(reason).toMatch(/^the model server refuses connections and was stopped/);
    expect(readProcess(modelServer.pid)).toBeUndefined();
  });

  it('gets the time it needs to end, and no more', async () => {
    const stubborn = "process.on('SIGTERM', () => console.log('asked to end'));";
    await using run = await startSupervisedRig({
      program: nodeProgram(healthyServer('', stubborn)),
      modelServer: { stopTimeout: 0.5 },
    });
    const { modelServer } = await run.health(isReady);
    await run.rig.worker.stop();
    expect(readProcess(modelServer.pid)).toBeUndefined();
    expect(run.output()).toContain('asked to end');
  });

  it('answers open requests before it is ended', async () => {
    await using run = await startSupervisedRig({ program: embeddedModelServer('--latency-per-item-ms', '300') });
    await run.health(isReady);
    const open = run.rig.post('/embed', { inputs: 'hello' });
    await run.health(({ openRequests }) => openRequests === 1);
    const stopping = run.rig.worker.stop();
    expect((await open).status).toBe(200);
    await stopping;
  });

  it('keeps one log per start, the one before beside it', async () => {
    await using run = await startSupervisedRig({
      program: nodeProgram("console.log('run of', process.pid); process.exit(3)"),
      modelServer: { maxRestarts: 1 },
    });
    await run.health(({ reason }) => reason.includes('given up'));
    const logs = await Promise.all(['log', 'log.1'].map((end) => readFile(join(run.folder, `model-server.${end}`), 'utf8')));
    expect(logs.map((text) => text.match(/run of \d+/g)?.length)).toEqual([1, 1]);
    expect(logs[0]).not.toBe(logs[1]);
  });
});

describe.runIf(isLinux)('a model server of an earlier worker', () => {
  it('is left alone when its worker lives', async () => {
    await using first = await startSupervisedRig({ program: embeddedModelServer() });
    const { modelServer } = await first.health(isReady);
    const state = JSON.parse(await readFile(join(first.folder, 'model-server.json'), 'utf8'));
    // As if the first worker were another process: in this test both are this one.
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'model-server.json'), JSON.stringify({ ...state, owner: identify(process.ppid) }));
    await using second = await startSupervisedRig({ program: embeddedModelServer(), folder: folder.path, modelPort: await freePort() });
    expect(await second.cameTo('failed')).toContain(`the worker with pid ${process.ppid} uses the same MODEL_STATE_DIR`);
    expect(readProcess(modelServer.pid)).toBeDefined();
  });

  it('is not mistaken for a process that got its pid, which is neither adopted nor ended', async () => {
    await using folder = await temporaryFolder();
    const self = identify(process.pid);
    const stranger = { ...identify(process.ppid), startTicks: 1 };
    await writeFile(
      join(folder.path, 'model-server.json'),
      JSON.stringify({ server: stranger, owner: { ...self, pid: 1, startTicks: 1 }, fingerprint: '' }),
    );
    await using run = await startSupervisedRig({ program: embeddedModelServer(), folder: folder.path });
    expect((await run.health(isReady)).modelServer).toMatchObject({ origin: 'spawned', starts: 1 });
    expect(readProcess(process.ppid)).toBeDefined();
  });

  it('is not looked for in a folder that others may write, and none is started there', async () => {
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o777);
    const env = { UNSECURED: 'yes', WORKER_PORT: '0', MODEL_STATE_DIR: folder.path };
    const config = { handlers: [{ route: '/embed' }], modelServer: { command: process.execPath } };
    const worker = createVastWorker(config, { env, handleSignals: false, parts: silentParts });
    await expect(worker.run()).rejects.toThrow('others may write it');
  });

  it('is forgotten when its state cannot be read', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'model-server.json'), '{"server":');
    await using run = await startSupervisedRig({ program: embeddedModelServer(), folder: folder.path });
    expect((await run.health(isReady)).modelServer).toMatchObject({ origin: 'spawned' });
  });
});
