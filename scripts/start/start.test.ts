import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { greeting } from './greeting.ts';
import { readStartOptions, type StartOptions } from './options.ts';
import { isPortFree } from './ports.ts';
import { readableLine } from './readable-line.ts';
import { services } from './services.ts';

/** A pseudo-terminal needs a little native code, which Python brings; without it that test is skipped. */
const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;
if (!hasPython && process.env.REQUIRE_ALL === '1') throw new Error('python3 is missing, and REQUIRE_ALL=1 lets nothing be skipped');
if (!hasPython) console.warn('skipped: Ctrl-C in a terminal, for want of python3');

const script = fileURLToPath(new URL('../start.ts', import.meta.url));

const placesOf = (options: StartOptions | 'help') =>
  options === 'help' ? [] : options.running.map(({ service, workerPort, modelPort }) => [service.name, workerPort, modelPort]);

describe('options of npm start', () => {
  it('come from flags, then variables, then defaults', () => {
    expect(placesOf(readStartOptions([], {}))).toEqual([
      ['agent-brain', 3000, 8000],
      ['rfp-automation', 3010, 8010],
      ['compliance-engine', 3020, 8020],
    ]);
    expect(placesOf(readStartOptions(['--worker-port', '4000'], { WORKER_PORT: '5000', MODEL_SERVER_PORT: '9000' }))[1]).toEqual([
      'rfp-automation',
      4010,
      9010,
    ]);
    expect(readStartOptions([], {})).toMatchObject({ verbose: false });
    expect(readStartOptions(['-v'], {})).toMatchObject({ verbose: true });
    expect(readStartOptions(['--help'], {})).toBe('help');
  });

  it('name the services that are wanted, each at its own place', () => {
    expect(placesOf(readStartOptions(['compliance-engine', 'agent-brain'], {}))).toEqual([
      ['agent-brain', 3000, 8000],
      ['compliance-engine', 3020, 8020],
    ]);
  });

  it.each([
    [['--worker-port', 'x'], '--worker-port: expected a port, 1 to 65515, found "x"'],
    [['--nope'], "Unknown option '--nope'"],
    [['--worker-port', '8000'], 'a port each'],
    [['--worker-port', '7990'], 'a port each'],
    [['agent-brian'], 'service: expected agent-brain, rfp-automation, compliance-engine, found "agent-brian"'],
  ])('%j is refused with a reason', (args, reason) => {
    expect(() => readStartOptions(args, {})).toThrow(reason);
  });
});

describe('lines of the processes', () => {
  it('are shown when they matter, in words', () => {
    const line = (fields: object) => JSON.stringify({ time: 'x', ...fields });
    expect(readableLine(line({ level: 'info', msg: 'phase changed', phase: 'ready', reason: 'ready' }), false)).toBe('ready: ready');
    expect(readableLine(line({ level: 'warn', msg: 'slow', seconds: 3 }), false)).toBe('warn  slow seconds=3');
    expect(readableLine(line({ level: 'info', msg: 'listening' }), false)).toBeUndefined();
    expect(readableLine(line({ level: 'info', msg: 'listening' }), true)).toBe('info  listening');
    expect(readableLine('Error: Could not create backend', false)).toBe('Error: Could not create backend');
    expect(readableLine('INFO chatter', false)).toBeUndefined();
  });
});

describe('npm start', () => {
  it('says which port is taken, and which flag and variable change it', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as AddressInfo).port;
    const start = run([script, 'agent-brain', '--worker-port', String(taken), '--model-port', String(await freePort())]);
    const [code] = (await once(start.child, 'close')) as [number];
    expect(code).toBe(1);
    expect(start.output()).toContain(`Port ${taken}, for the worker of agent-brain, is taken: npm start -- --worker-port`);
    expect(start.output()).toContain('set WORKER_PORT');
    other.close();
  });

  it('stops when whoever reads its output leaves', async () => {
    const [workerPort, modelPort] = [await freePort(), await freePort()];
    const start = run([script, 'agent-brain', '--worker-port', String(workerPort), '--model-port', String(modelPort)]);
    await start.said('Waiting for the worker');
    start.child.stdout?.destroy();
    start.child.stderr?.destroy();
    await once(start.child, 'close');
    expect(start.child.exitCode).toBe(0);
    expect(await processesNaming(String(workerPort), String(modelPort))).toEqual([]);
  });

  it('says which process died and its last words, stops the other, and fails', async () => {
    const [workerPort, modelPort] = [await freePort(), await freePort()];
    const start = run([script, 'agent-brain', '--worker-port', String(workerPort), '--model-port', String(modelPort)]);
    await start.said('Ctrl-C stops everything.');
    const model = (await processesNaming(String(modelPort))).find(({ text }) => /cpu-model-server\/dist/.test(text));
    process.kill(model?.pid ?? Number.NaN, 'SIGKILL');
    await once(start.child, 'close');
    expect(start.child.exitCode).toBe(1);
    expect(start.output()).toContain('The agent-brain model process was ended by SIGKILL. Its last lines:');
    expect(await processesNaming(String(workerPort), String(modelPort))).toEqual([]);
  });

  it.skipIf(!hasPython)('leaves nothing behind when its terminal is closed', async () => {
    const [workerPort, modelPort] = [await freePort(), await freePort()];
    const command = `exec ${process.execPath} ${script} agent-brain --worker-port ${workerPort} --model-port ${modelPort}`;
    const start = run(['-c', terminal, command], 'python3');
    await start.said('Ctrl-C stops everything.');
    const ended = once(start.lifeline, 'close');
    start.child.kill('SIGKILL'); // the terminal is gone: SIGHUP, and no output can be written any more
    await ended;
    expect(await processesNaming(String(workerPort), String(modelPort))).toEqual([]);
  });

  it.skipIf(!hasPython)(
    'gets all services ready, prints requests that work, and on Ctrl-C in a terminal leaves no process and no port',
    async () => {
      const [workerPort, modelPort] = [await freePortRange(), await freePortRange()];
      const options = readStartOptions(['--worker-port', String(workerPort), '--model-port', String(modelPort)], {}) as StartOptions;
      const ports = options.running.flatMap((one) => [one.workerPort, one.modelPort]);
      const command = `exec ${process.execPath} ${script} --worker-port ${workerPort} --model-port ${modelPort}`;
      const start = run(['-c', terminal, command], 'python3'); // a pseudo-terminal: Ctrl-C goes to the whole foreground group
      await start.said('Ctrl-C stops everything.');
      expect(start.output().replaceAll('\r', '')).toContain(greeting(options.running));
      const commands = start.output().match(/curl -s \S+ -d '.*?'/g) ?? [];
      expect(commands.length).toBe(options.running.flatMap(({ service }) => service.jobs).length);
      for (const line of commands) {
        const { status, stdout } = spawnSync('sh', ['-c', line.replace('curl', 'curl --fail')], { encoding: 'utf8' });
        expect([line, status]).toEqual([line, 0]);
        expect(JSON.parse(stdout)).toBeTypeOf('object');
      }

      start.child.stdin?.write('\u0003');
      await start.said('Stopped.');
      await once(start.child, 'close');
      expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
      expect(await processesNaming(...ports.map(String))).toEqual([]);
    },
  );

  it('takes everything down when it is killed politely', async () => {
    const [workerPort, modelPort] = [await freePort(), await freePort()];
    const start = run([script, 'agent-brain', '--worker-port', String(workerPort), '--model-port', String(modelPort)]);
    await start.said('Ctrl-C stops everything.');
    expect(await processesNaming(String(modelPort))).not.toEqual([]); // so that their absence below says something
    start.child.kill('SIGTERM');
    await once(start.child, 'close');
    expect(start.child.exitCode).toBe(0);
    expect(await processesNaming(String(modelPort))).toEqual([]);
    expect(await Promise.all([isPortFree(workerPort), isPortFree(modelPort)])).toEqual([true, true]);
  });
});

/** Runs a command in a terminal of its own, passing on what is typed. */
const terminal = `
import os, pty, sys
os.environ['TERM'] = 'dumb'
sys.exit(os.waitstatus_to_exitcode(pty.spawn(['sh', '-c', sys.argv[1]])))
`;

interface Run {
  child: ChildProcess;
  /** Closes when the last process that inherited it is gone: the command, and what it is exec'ed into. */
  lifeline: Duplex;
  output(): string;
  said(text: string): Promise<void>;
}

function run(args: string[], command = process.execPath): Run {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env: { ...process.env, LOG_LEVEL: 'info' } });
  const lifeline = child.stdio[3] as Duplex;
  lifeline.resume();
  let output = '';
  const looks = new Set<() => void>();
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of looks) look();
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return {
    child,
    lifeline,
    output: () => output,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(text) && resolve();
        looks.add(look);
        look();
        child.once('close', () => reject(new Error(`ended without saying ${JSON.stringify(text)}:\n${output}`)));
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The first of ports with room for every service, below those that the system hands out by itself. */
async function freePortRange(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all(services.map(({ portOffset }) => isPortFree(first + portOffset)));
    if (free.every(Boolean)) return first;
  }
}

/** Command lines and environments of living processes that name one of the words, but for this test and its shell. */
async function processesNaming(...words: string[]): Promise<{ pid: number; text: string }[]> {
  const { readdir, readFile } = await import('node:fs/promises');
  const found: { pid: number; text: string }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const text = `${await read('cmdline')} ${await read('environ')}`;
    if (
      /worker\.mjs|cpu-model-server|start\.ts/.test(text) &&
      words.some((word) => text.includes(`=${word}\0`) || text.includes(`\0${word}\0`))
    )
      found.push({ pid: Number(pid), text: text.slice(0, 400) });
  }
  return found;
}
