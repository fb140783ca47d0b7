import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../packages/vast-worker/src/testing/index.ts';
import { ensureTools, ImageWorkshop, type StandIns } from './image-workshop.ts';
import { RunningContainer } from './running-container.ts';

/** The images, really built and run, on stand-ins for their upstream images. */

const services = [
  {
    service: 'agent-brain',
    upstream: 'tei',
    model: '--model-kind embedding --latency-per-item-ms 10',
    route: '/v1/embeddings',
    quick: { input: ['hello'] },
    slow: { input: Array.from({ length: 200 }, (_, index) => `item ${index}`) },
  },
] as const;

const mebibyte = 1024 * 1024;
let workshop: ImageWorkshop;
let standIns: StandIns;

beforeAll(async () => {
  ensureTools();
  workshop = new ImageWorkshop();
  standIns = await workshop.makeStandIns();
});
afterAll(() => workshop?.[Symbol.asyncDispose]());

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
