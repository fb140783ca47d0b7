import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCommandOf } from '../../../scripts/start/start-command.ts';
import { endOf } from './processes.ts';
import type { Figures } from './scenarios.ts';
import type { Stage } from './stage.ts';
import { freePort } from './targets.ts';

/** What happens once: the start of a bundled service, and a build of what has not changed. */

const { env, flags, bundle } = startCommandOf('agent-brain');
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** agent-brain as an image starts it. Its bundle has to be built. */
export async function measureStart(stage: Stage): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-start-'));
  const modelLog = join(folder, 'model.log');
  await writeFile(modelLog, '');
  const [port, internalPort, id] = [await freePort(), await freePort(), 9_000 + Math.floor(Math.random() * 1_000_000)];
  const ready = stage.ready(id);
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...flags, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...env,
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
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('"msg":"listening"')) resolve();
      });
      child.once('exit', () => reject(new Error(`the service ended:\n${output}`)));
    });
    const listeningMs = performance.now() - startedAt;
    const loadedAt = Date.now();
    await writeFile(
      modelLog,
      '2026-01-01T00:00:00.000000Z  INFO text_embeddings_router::http::server: router/src/http/server.rs:1: Ready\n',
    );
    const readyMs = (await ready) - loadedAt;
    return { 'listening ms': listeningMs, 'ready reported after ms': readyMs };
  } finally {
    await endOf(child);
    await rm(folder, { recursive: true, force: true });
  }
}

/** `turbo run build` where nothing has changed; the first run is not timed. */
export function measureBuild(): Figures {
  const build = () => spawnSync(process.execPath, [`${root}node_modules/turbo/bin/turbo`, 'run', 'build'], { cwd: root, stdio: 'ignore' });
  if (build().status !== 0) throw new Error('turbo run build fails');
  const startedAt = performance.now();
  build();
  return { 'unchanged build ms': performance.now() - startedAt };
}
