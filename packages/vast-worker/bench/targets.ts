import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCommandOf } from '../../../scripts/start/start-command.ts';
import { officialPython } from '../conformance/python.ts';
import { endOf, startHelper } from './processes.ts';
import type { Stage } from './stage.ts';

/** What is measured: each stands between the load and the model server. */

export const targetNames = [
  'direct',
  'floor',
  'worker',
  'copier',
  'nginx',
  'official',
  'worker-without-logs',
  'worker-without-metrics',
  'worker-with-traces',
] as const;
export type TargetName = (typeof targetNames)[number];

export interface Target extends AsyncDisposable {
  name: TargetName;
  origin: string;
  pid: number;
  /** It reads envelopes. */
  isWorker: boolean;
  version: string;
}

/** @returns undefined, after saying why, when it cannot be had here */
export async function startTarget(name: TargetName, stage: Stage): Promise<Target | undefined> {
  const modelServer = `http://127.0.0.1:${stage.modelServerPort}`;
  switch (name) {
    case 'direct':
      return {
        name,
        origin: modelServer,
        pid: stage.modelServerPid,
        isWorker: false,
        version: process.version,
        async [Symbol.asyncDispose]() {},
      };
    case 'floor':
    case 'copier': {
      const helper = startHelper<{ type: 'port'; port: number }>(built(name), {
        MODEL_SERVER: modelServer,
        REPORT_ADDR: stage.controlPlaneUrl,
      });
      const { port } = await helper.next('port');
      const origin = `http://127.0.0.1:${port}`;
      return { ...helper, name, origin, isWorker: name === 'floor', version: process.version };
    }
    case 'nginx':
      return startNginx(modelServer);
    case 'worker':
      return startWorker(name, stage, process.execPath, [...startFlags, built('worker')], startEnv);
    case 'worker-without-logs':
      return startWorker(name, stage, process.execPath, [...startFlags, built('worker')], { ...startEnv, LOG_LEVEL: 'fatal' });
    case 'worker-without-metrics':
      return startWorker(name, stage, process.execPath, [...startFlags, built('worker')], { ...startEnv, BENCH_WITHOUT: 'metrics' });
    case 'worker-with-traces':
      return startWorker(name, stage, process.execPath, [...startFlags, built('worker')], {
        ...startEnv,
        OTEL_EXPORTER_OTLP_ENDPOINT: stage.collectorUrl,
      });
    case 'official': {
      const python = officialPython();
      const script = fileURLToPath(new URL('../conformance/official-worker.py', import.meta.url));
      return python === undefined ? undefined : startWorker(name, stage, python, [script], { SUBJECT_MAX_QUEUE_TIME: '1e9' });
    }
  }
}

/** As services are started. `BENCH_FLAGS` in the place of Node's flags: to try others. */
const { env: startEnv, flags } = startCommandOf('agent-brain');
const startFlags = process.env.BENCH_FLAGS?.split(' ') ?? flags;

const built = (name: string) => fileURLToPath(new URL(`dist/${name}.mjs`, import.meta.url));

let nextId = 100;

async function startWorker(
  name: TargetName,
  stage: Stage,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const [port, internalPort] = [await freePort(), await freePort()];
  const id = (nextId += 1);
  const modelLog = join(folder, 'model.log');
  await writeFile(modelLog, 'the model is loaded\n');
  const ready = stage.ready(id);
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', name === 'official' ? 'ignore' : 'inherit'], // it logs every request
    env: {
      PATH: process.env.PATH ?? '',
      CONTAINER_ID: String(id),
      MASTER_TOKEN: 'master-token',
      REPORT_ADDR: stage.controlPlaneUrl,
      PUBLIC_IPADDR: '127.0.0.1',
      WORKER_PORT: String(port),
      [`VAST_TCP_PORT_${port}`]: String(port),
      WORKER_HTTP_PORT: String(internalPort),
      MODEL_SERVER_PORT: String(stage.modelServerPort),
      MODEL_LOG: modelLog,
      PERF_CACHE_FILE: join(folder, 'perf.json'),
      ...env,
    },
  });
  const origin = `http://127.0.0.1:${port}`;
  const target: Target = {
    name,
    origin,
    pid: child.pid as number,
    isWorker: true,
    version:
      name === 'official'
        ? `vastai ${execFileSync(command, ['-c', 'import importlib.metadata as m; print(m.version("vastai"))']).toString().trim()}`
        : process.version,
    async [Symbol.asyncDispose]() {
      await endOf(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await untilReady(child, ready, () => knock(stage, target));
    return target;
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw error;
  }
}

/** The official worker tells that it is ready with the next report that something else brings about: a request now and then. */
async function untilReady(child: ChildProcess, ready: Promise<number>, knockOnce: () => Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const gone = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error(`${child.spawnargs.join(' ')} ended before it was ready`);
  });
  const knocking = setInterval(() => void knockOnce().catch(() => undefined), 500);
  try {
    await Promise.race([ready, gone]);
  } finally {
    clearInterval(knocking);
    over.abort();
    gone.catch(() => undefined);
  }
}

const knock = (stage: Stage, target: Target) => {
  const { path, parts } = stage.letter(target, 'small', 10);
  return fetch(target.origin + path, { method: 'POST', body: parts.join('0'), headers: { 'content-type': 'application/json' } });
};

async function startNginx(modelServer: string): Promise<Target | undefined> {
  const asked = spawnSync('nginx', ['-v'], { encoding: 'utf8' });
  if (asked.error) {
    console.warn('skipped: nginx, which is not installed');
    return undefined;
  }
  const version = asked.stderr.trim().replace('nginx version: ', '');
  const folder = await mkdtemp(join(tmpdir(), 'bench-nginx-'));
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  await writeFile(config, nginxConfig(folder, port, modelServer));
  const child = spawn('nginx', ['-c', config, '-p', folder, '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'inherit'] });
  await untilListening(port);
  return {
    name: 'nginx',
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid as number,
    isWorker: false,
    version,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM'); // its master ends the others
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const nginxConfig = (folder: string, port: number, modelServer: string) => `
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 16m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000;
  upstream model { server ${new URL(modelServer).host}; keepalive 512; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`;

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      socket.destroy();
    }
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
