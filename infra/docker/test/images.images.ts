import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../packages/vast-worker/src/testing/index.ts';
import { ImageWorkshop, type StandIns } from './image-workshop.ts';
import { RunningContainer } from './running-container.ts';

/** The images, really built and run, on stand-ins for their upstream images. */

const sentences = (count: number) => Array.from({ length: count }, (_, index) => `The river number ${index} is long.`);

const services = [
  {
    service: 'agent-brain',
    upstream: 'tei',
    model: '--model-kind embedding --latency-per-item-ms 10',
    route: '/v1/embeddings',
    quick: { input: ['hello'] },
    slow: { input: sentences(200) },
  },
  {
    service: 'rfp-automation',
    upstream: 'vllm',
    model: '--latency-per-token-us 2000',
    route: '/v1/completions',
    quick: { model: 'Qwen/Qwen2.5-7B-Instruct', prompt: 'Hello there.', max_tokens: 4 },
    slow: { model: 'Qwen/Qwen2.5-7B-Instruct', prompt: sentences(400).join(' '), max_tokens: 600, ignore_eos: true },
  },
  {
    service: 'compliance-engine',
    upstream: 'tei',
    model: '--model-kind reranker --latency-per-item-ms 10',
    route: '/rerank',
    quick: { query: 'rivers', texts: ['The river is long.'] },
    slow: { query: 'rivers', texts: sentences(200) },
  },
] as const;

const mebibyte = 1024 * 1024;
let workshop: ImageWorkshop;
let standIns: StandIns;

beforeAll(async () => {
  const folder = process.env.IMAGES_FOLDER;
  if (!folder) throw new Error('Start these tests with npm run test:images');
  workshop = new ImageWorkshop(folder);
  standIns = await workshop.makeStandIns();
});

describe.each(services)('the image of $service', ({ service, upstream, model, route, quick, slow }) => {
  let image: string;
  let container: RunningContainer;

  beforeAll(async () => {
    image = await workshop.build(service, standIns);
    container = new RunningContainer(workshop, service);
    await container.run(image, { STAND_IN_OPTIONS: model });
  });
  afterAll(() => container?.[Symbol.asyncDispose]());

  it('adds at most 60 MB to the upstream image, compressed', async () => {
    const bytes = await workshop.compressedBytesAdded(image, standIns[upstream]);
    console.log(`${service}: ${(bytes / 1e6).toFixed(1)} MB added`);
    expect(bytes).toBeGreaterThan(30 * mebibyte); // Node's program at least
    expect(bytes).toBeLessThanOrEqual(60_000_000);
  });

  it('starts its model server and serves signed requests over a certificate that was signed for it', async () => {
    const { modelServer } = await container.ready();
    expect(modelServer.origin).toBe('spawned');
    expect(container.console.signed).toBe(1);
    expect(await container.isHealthy()).toBe(true);
    const { status, text } = await container.post(route, quick);
    expect({ status, text }).toMatchObject({ status: 200 });
  });

  it('runs the worker as its start script says, and the model server without that', async () => {
    const worker = await container.processWith('/opt/worker/worker.mjs');
    const words = readFileSync(`/proc/${worker}/cmdline`, 'utf8').split('\0');
    const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const { scripts } = JSON.parse(readFileSync(new URL(`../../../services/${service}/package.json`, import.meta.url), 'utf8'));
    expect(`MALLOC_ARENA_MAX=1 ${words.filter(Boolean).join(' ')}`).toBe(scripts.start.replace('dist/', '/opt/worker/'));
    expect(environmentOf(worker)).toContain('MALLOC_ARENA_MAX=1');
    const modelServer = environmentOf(await container.processWith('/opt/stand-in/model-server.mjs'));
    expect(modelServer.filter((text) => /^(MALLOC_ARENA_MAX|MASTER_TOKEN)=/.test(text))).toEqual([]);
  });

  it('carries the licences and the list of what is bundled', async () => {
    const licences = await container.read('/opt/worker/LICENCES');
    for (const title of [/^zod \S+ \(MIT\)$/m, /^prom-client \S+ \(Apache-2.0\)$/m, /^Node\.js 24\.\S+ \(MIT\)$/m])
      expect(licences).toMatch(title);
    expect(await container.read('/opt/licences/tini')).toContain('Copyright');
    const { bomFormat, components } = JSON.parse(await container.read('/opt/worker/sbom.cdx.json'));
    expect(bomFormat).toBe('CycloneDX');
    expect(components.map(({ name }: { name: string }) => name)).toContain('zod');
  });

  it('keeps the model server when the worker is killed, and leaves no zombie', async () => {
    const modelServer = await container.processWith('/opt/stand-in/model-server.mjs');
    const worker = await container.processWith('/opt/worker/worker.mjs');
    process.kill(worker, 'SIGKILL');
    await until(async () => (await container.health())?.modelServer.origin === 'adopted');
    await container.ready();
    expect(await container.processWith('/opt/stand-in/model-server.mjs')).toBe(modelServer);
    expect(await container.processWith('/opt/worker/worker.mjs')).not.toBe(worker);
    expect((await container.processes()).filter(({ isZombie }) => isZombie)).toEqual([]);
    expect((await container.post(route, quick)).status).toBe(200);
  });

  it('answers what is open when it is stopped, and ends with code 0', async () => {
    let isAnswered = false;
    const answer = container.post(route, slow).finally(() => (isAnswered = true));
    await until(async () => (await container.health())?.openRequests === 1);
    const stopped = container.stop();
    await until(async () => (await container.health())?.phase !== 'ready');
    expect(isAnswered).toBe(false);
    expect((await answer).status).toBe(200);
    expect(await stopped).toBe(0);
  });

  it('starts again after a stop, with the certificate it had', async () => {
    await container.start();
    expect((await container.ready()).modelServer.origin).toBe('spawned');
    expect(container.console.signed).toBe(1);
    expect(await container.isHealthy()).toBe(true);
    expect((await container.post(route, quick)).status).toBe(200);
    expect(await container.stop()).toBe(0);
    expect(await container.isHealthy()).toBe(false); // the control: a health check can fail
  });
});

describe('the target network', () => {
  const secrets = { TUNNEL_TOKEN: 'tunnel-token', TS_AUTHKEY: 'tskey-auth' };
  let container: RunningContainer;

  beforeAll(async () => {
    const image = await workshop.build('agent-brain', standIns, 'network');
    container = new RunningContainer(workshop, 'network');
    await container.run(image, { STAND_IN_OPTIONS: '--model-kind embedding', ...secrets });
  });
  afterAll(() => container?.[Symbol.asyncDispose]());

  it('runs cloudflared and tailscaled beside the worker', async () => {
    await container.ready();
    await until(async () => (await container.logs()).includes('"companion":"tailscaled","msg":"joined"'));
    const logs = await container.logs();
    expect(logs).toContain(`cloudflared tunnel run with a token of ${secrets.TUNNEL_TOKEN.length} characters`);
    expect(logs).toContain(`with a key of ${secrets.TS_AUTHKEY.length} characters`);
    expect(logs).not.toContain(secrets.TUNNEL_TOKEN);
    expect(logs).not.toContain(secrets.TS_AUTHKEY);
    expect(await container.isHealthy()).toBe(true);
  });

  it('starts one again that was killed, and the worker does not notice', async () => {
    const worker = await container.processWith('/opt/worker/worker.mjs');
    const tunnel = await container.processWith('/usr/local/bin/cloudflared');
    process.kill(tunnel, 'SIGKILL');
    await until(async () => (await container.processes()).some(({ pid, command }) => command.includes('tunnel') && pid !== tunnel));
    expect(await container.processWith('/opt/worker/worker.mjs')).toBe(worker);
    expect((await container.processes()).filter(({ isZombie }) => isZombie)).toEqual([]);
  });

  it('keeps their secrets from worker and model server', async () => {
    for (const program of ['/opt/worker/worker.mjs', '/opt/stand-in/model-server.mjs']) {
      const environment = readFileSync(`/proc/${await container.processWith(program)}/environ`, 'utf8');
      expect(environment).toContain('CONTAINER_ID=');
      for (const secret of Object.values(secrets)) expect(environment).not.toContain(secret);
    }
  });

  it('ends them after the worker, and starts all again', async () => {
    expect(await container.stop()).toBe(0);
    expect((await container.logs()).split('cloudflared ends')).toHaveLength(2);
    await container.start();
    await container.ready();
    expect(await container.stop()).toBe(0);
  });
});
