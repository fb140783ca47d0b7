import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HandlerConfig } from '../src/index.ts';
import { type FakeModelServer, startRig, testHandler } from '../src/testing/index.ts';

const benchmarkConfig = { dataset: [{ workload: 4 }], runs: 2, concurrency: 3, doWarmup: false };
const handler: HandlerConfig = { ...testHandler, benchmarkConfig };

describe('the benchmark', () => {
  it('is measured once for a model, a GPU and a worker, and never inherited by another model', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perf-'));
    const env = { PERF_CACHE_FILE: join(folder, 'perf.json') };
    const startWith = async (model: string | undefined) => {
      await using rig = await startRig({
        perf: null,
        handlers: [handler],
        env,
        model: (server: FakeModelServer) => {
          server.info = model === undefined ? undefined : { model_id: model };
        },
      });
      return { perf: (await rig.health()).perf, requests: rig.model.requests.length };
    };
    const first = await startWith('one');
    expect(first).toMatchObject({ perf: { source: 'benchmark' }, requests: 7 }); // two runs of three, and a canary
    expect(await startWith('one')).toEqual({ perf: { loadPerSecond: first.perf.loadPerSecond, source: 'cache' }, requests: 1 }); // the canary
    expect(await startWith('two')).toMatchObject({ perf: { source: 'benchmark' } });
    expect(await startWith(undefined)).toMatchObject({ perf: { source: 'benchmark' } }); // it does not say what it serves
    await writeFile(env.PERF_CACHE_FILE, 'rubbish');
    expect(await startWith('one')).toMatchObject({ perf: { source: 'benchmark' } });
    await rm(folder, { recursive: true });
  });

  it('counts a streamed answer when its last byte is there', async () => {
    let answered = 0;
    await using rig = await startRig({
      perf: null,
      handlers: [{ ...testHandler, benchmarkConfig: { ...benchmarkConfig, runs: 1, concurrency: 1 } }],
      model: (server: FakeModelServer) => {
        server.answer = ({ response }) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
          setImmediate(() => {
            answered += 1;
            response.end('data: [DONE]\n\n');
          });
        };
      },
    });
    expect(answered).toBe(2); // the run and the canary: ready only after both streams ended
    expect((await rig.health()).perf.source).toBe('benchmark');
  });

  it('can look for the concurrency where throughput stops growing', async () => {
    let open = 0;
    let most = 0;
    await using rig = await startRig({
      perf: null,
      handlers: [{ ...testHandler, benchmarkConfig: { ...benchmarkConfig, runs: 1, sweepTo: 4 } }],
      model: (server: FakeModelServer) => {
        server.answer = ({ response }) => {
          open += 1;
          most = Math.max(most, open);
          setImmediate(() => {
            open -= 1;
            response.writeHead(200).end('{}');
          });
        };
      },
    });
    expect((await rig.health()).perf.source).toBe('benchmark');
    expect(rig.model.requests.length).toBeGreaterThanOrEqual(1 + 2 + 1); // at least the steps 1 and 2, and a canary
    expect(most).toBeLessThanOrEqual(4);
  });
});

describe('an error line of a ready worker’s model server', () => {
  it('fails it only when it does not answer a request either, twice; an answer brings it back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'log-'));
    const modelLogFile = join(folder, 'model.log');
    await writeFile(modelLogFile, '');
    await using rig = await startRig({
      perf: null,
      handlers: [handler],
      config: { modelLogFile, logActionConfig: { onError: ['RuntimeError'] } },
    });
    const before = rig.model.requests.length;
    await writeFile(modelLogFile, 'RuntimeError: a client sent something strange\n');
    await rig.model.received(before + 1); // the canary
    expect((await rig.health()).phase).toBe('ready');

    rig.model.answer = ({ response }) => void response.writeHead(500).end();
    await writeFile(modelLogFile, 'RuntimeError: a client sent something strange\nRuntimeError: this time it is true\n');
    const failed = await rig.untilHealth(({ phase }) => phase === 'failed');
    expect(failed.reason).toBe('the model server does not serve: status 500');
    rig.model.answer = ({ response }) => void response.writeHead(200).end('{}');
    await rig.untilHealth(({ phase }) => phase === 'ready');
    await rm(folder, { recursive: true });
  });
});
