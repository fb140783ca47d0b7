import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../src/adapters/clock.ts';
import { silentLogger } from '../src/adapters/logger.ts';
import { readProcess, runningInGroup } from '../src/adapters/process-table.ts';
import { freePort, type StartedProcess, startProcess, temporaryFolder, until } from '../src/testing/index.ts';
import { supervise } from '../src/worker/supervise.ts';
import { embeddedModelServer } from './supervised-rig.ts';

const cli = new URL('../src/cli.ts', import.meta.url);
const workerScript = new URL('./supervised-worker.ts', import.meta.url);
const workerCommand = [process.execPath, '--conditions=@bluefly/source', fileURLToPath(workerScript)];

/** The environment of a worker that starts the embedded model server. */
async function workerEnvironment(stateDir: string, ...modelServerArgs: string[]): Promise<Record<string, string>> {
  const modelPort = await freePort();
  return {
    UNSECURED: 'true',
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: String(await freePort()),
    MODEL_SERVER_PORT: String(modelPort),
    MODEL_SERVER_COMMAND: JSON.stringify(embeddedModelServer(...modelServerArgs)(modelPort)),
    MODEL_STATE_DIR: stateDir,
  };
}

/** @returns the health of the first answer that satisfies; nobody listening counts as none */
async function healthOf(env: Record<string, string>, isMet: (health: any) => boolean): Promise<any> {
  let health: any;
  await until(async () => {
    health = await fetch(`http://127.0.0.1:${env.WORKER_PORT}/health`)
      .then((answer) => answer.json())
      .catch(() => undefined);
    return health !== undefined && isMet(health);
  });
  return health;
}

const isReady = ({ phase }: { phase: string }) => phase === 'ready';
const workerPid = (stateDir: string) => JSON.parse(readFileSync(join(stateDir, 'model-server.json'), 'utf8')).owner.pid as number;
const timesReady = (stateDir: string) => readFileSync(join(stateDir, 'model-server.log'), 'utf8').match(/: Ready$/gm)?.length ?? 0;

/** Ends with SIGTERM what was started, also when the test fails, so that nothing of it stays. */
function endedAfterwards({ process: child }: StartedProcess): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

describe.runIf(process.platform === 'linux')('a worker that is killed', () => {
  it('is started again and takes its model server over without loading it again; SIGTERM ends both', async () => {
    await using folder = await temporaryFolder();
    const env = await workerEnvironment(folder.path);
    const supervised = startProcess(cli, { ...env, NO_COLOR: '1' }, ['supervise', '--', ...workerCommand]);
    await using _ended = endedAfterwards(supervised);
    const before = await healthOf(env, isReady);
    expect(before.modelServer).toMatchObject({ origin: 'spawned', starts: 1 });
    const { pid } = before.modelServer;

    process.kill(workerPid(folder.path), 'SIGKILL');
    const after = await healthOf(env, (health) => isReady(health) && health.modelServer.origin === 'adopted');
    expect(after.modelServer).toEqual({ origin: 'adopted', starts: 1, pid });
    expect(timesReady(folder.path)).toBe(1);
    const grant = { cost: 1, endpoint: 'e', reqnum: 1, request_idx: 1, signature: 'x', url: 'x' };
    const reply = await fetch(`http://127.0.0.1:${env.WORKER_PORT}/embed`, {
      method: 'POST',
      body: JSON.stringify({ auth_data: grant, payload: { inputs: 'hello' } }),
    });
    expect(reply.status).toBe(200);

    const worker = workerPid(folder.path);
    supervised.process.kill('SIGTERM');
    await once(supervised.process, 'close');
    expect(supervised.process.exitCode).toBe(0);
    expect(readProcess(worker)).toBeUndefined();
    expect(runningInGroup(pid)).toEqual([]);
    await until(() => readProcess(pid) === undefined); // nobody's zombie: the machine's first process reaps it
    expect(supervised.output().indexOf('"msg":"draining"')).toBeLessThan(supervised.output().indexOf('"msg":"stopped"'));
  });

  it('notices when the model server it took over dies, and starts another', async () => {
    await using folder = await temporaryFolder();
    const env = await workerEnvironment(folder.path);
    const supervised = startProcess(cli, env, ['supervise', '--', ...workerCommand]);
    await using _ended = endedAfterwards(supervised);
    const { modelServer } = await healthOf(env, isReady);
    process.kill(workerPid(folder.path), 'SIGKILL');
    await healthOf(env, (health) => isReady(health) && health.modelServer.origin === 'adopted');

    process.kill(modelServer.pid, 'SIGKILL');
    const again = await healthOf(env, (health) => isReady(health) && health.modelServer.origin === 'spawned');
    expect(again.modelServer).toMatchObject({ starts: 2 });
    expect(again.modelServer.pid).not.toBe(modelServer.pid);
  });

  it('leaves a model server that a worker with another command ends, and starts its own', async () => {
    await using folder = await temporaryFolder();
    const env = await workerEnvironment(folder.path);
    await using first = startProcess(workerScript, env);
    const { modelServer } = await healthOf(env, isReady);
    first.process.kill('SIGKILL');
    await once(first.process, 'close');
    expect(runningInGroup(modelServer.pid)).toEqual([modelServer.pid]);

    const other = await workerEnvironment(folder.path, '--dimensions', '64');
    const second = startProcess(workerScript, other);
    await using _ended = endedAfterwards(second);
    const health = await healthOf(other, isReady);
    expect(health.modelServer).toMatchObject({ origin: 'spawned', starts: 1 });
    expect(runningInGroup(modelServer.pid)).toEqual([]);
  });
});

describe('supervise', () => {
  /** Pauses are over at once, and remembered. */
  function hurriedClock() {
    const pauses: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: async (ms) => {
        if (ms >= 500) pauses.push(ms);
        else await systemClock.sleep(ms);
      },
    };
    return { clock, pauses };
  }

  it.runIf(process.platform === 'linux')(
    'starts a crashing worker five times again after growing pauses, then ends with its code and what it left',
    async () => {
      await using folder = await temporaryFolder();
      const env = await workerEnvironment(folder.path);
      await using worker = startProcess(workerScript, env);
      const { modelServer } = await healthOf(env, isReady);
      worker.process.kill('SIGKILL');
      await once(worker.process, 'close');

      const { clock, pauses } = hurriedClock();
      const command = { command: process.execPath, args: ['--eval', 'process.exit(3)'] };
      expect(await supervise({ ...command, env: { MODEL_STATE_DIR: folder.path }, clock, log: silentLogger })).toBe(3);
      expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
      expect(runningInGroup(modelServer.pid)).toEqual([]);
    },
  );

  it('does not start again what ended with 0, nor what cannot be started', async () => {
    const { clock, pauses } = hurriedClock();
    const run = (command: string, ...args: string[]) =>
      supervise({ command, args, env: { PATH: process.env.PATH, MODEL_STATE_DIR: '/nonexistent' }, clock, log: silentLogger });
    expect(await run(process.execPath, '--eval', '0')).toBe(0);
    expect(await run('no-such-program')).toBe(127);
    expect(pauses).toEqual([]);
    expect(await run(process.execPath, '--eval', "process.kill(process.pid, 'SIGKILL')")).toBe(137);
    expect(pauses).toHaveLength(5); // the control
  });

  it('asks the worker to drain when the terminal is closed', async () => {
    const program = `
      process.on('SIGTERM', () => { console.log('asked to end'); process.exit(7); });
      setInterval(() => undefined, 1e6);
      console.log('up');`;
    const supervised = startProcess(cli, { MODEL_STATE_DIR: '/nonexistent' }, ['supervise', '--', process.execPath, '--eval', program]);
    await using _ended = endedAfterwards(supervised);
    await supervised.said('up');
    supervised.process.kill('SIGHUP');
    await once(supervised.process, 'close');
    expect(supervised.output()).toContain('asked to end');
    expect(supervised.process.exitCode).toBe(7);
  });

  it('says how it is used', async () => {
    const help = spawnSync(process.execPath, ['--conditions=@bluefly/source', fileURLToPath(cli), 'supervise', '--help']);
    expect([help.status, help.stdout.toString()]).toEqual([0, expect.stringContaining('vast-worker supervise -- COMMAND')]);
    const nothing = spawnSync(process.execPath, ['--conditions=@bluefly/source', fileURLToPath(cli), 'supervise']);
    expect([nothing.status, nothing.stderr.toString()]).toEqual([2, expect.stringContaining('vast-worker supervise -- COMMAND')]);
  });

  const inContainer = ['--fork', '--pid', '--mount-proc', '--kill-child'];
  const canContain = spawnSync('unshare', [...inContainer, 'true']).status === 0;

  it.runIf(canContain)('reaps orphans as the first process of a container, and passes SIGTERM on', async () => {
    // Starts a grandchild that loses its parent and ends; then waits until nobody is a zombie, and for SIGTERM.
    const program = `
      const { spawnSync } = require('node:child_process');
      const { readdirSync, readFileSync } = require('node:fs');
      const states = () => readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).map((pid) => {
        try { return readFileSync('/proc/' + pid + '/stat', 'utf8').split(') ')[1][0]; } catch { return ''; }
      });
      spawnSync('sh', ['-c', 'true & exec true']);
      process.on('SIGTERM', () => { console.log('asked to end'); process.exit(7); });
      const timer = setInterval(() => { if (!states().includes('Z')) console.log('no zombie'); }, 20);`;
    const command = [
      process.execPath,
      '--conditions=@bluefly/source',
      fileURLToPath(cli),
      'supervise',
      '--',
      process.execPath,
      '--eval',
      program,
    ];
    const child = spawn('unshare', [...inContainer, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => void (output += chunk.toString()));
    await until(() => output.includes('no zombie'));
    const [first] = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).split(' ');
    expect(await readFile(`/proc/${first}/comm`, 'utf8')).toBe('sh\n');
    process.kill(Number(first), 'SIGTERM');
    await once(child, 'close');
    expect(output).toContain('asked to end');
    expect(child.exitCode).toBe(7);
  });
});
