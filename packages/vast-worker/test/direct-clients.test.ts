import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartedProcess, startProcess, temporaryFolder } from '../src/testing/index.ts';

/** What an operator does, with real processes: make a key, list its hash, start the worker; and a client that knows nothing of Vast. */

const cli = new URL('../src/cli.ts', import.meta.url).pathname;
const modelServerMain = new URL('../../cpu-model-server/src/main.ts', import.meta.url);
const example = new URL('../examples/vastai-worker-example.ts', import.meta.url);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let model: StartedProcess;
let worker: StartedProcess;
let apiKey: string;
let port: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  const { stdout } = spawnSync(process.execPath, ['--conditions=@bluefly/source', cli, 'hash-key', 'alice', '--json'], {
    encoding: 'utf8',
  });
  const made = JSON.parse(stdout) as { key: string; entry: unknown };
  apiKey = made.key;
  const keys = join(folder.path, 'keys.json');
  await writeFile(keys, JSON.stringify([made.entry]));

  model = startProcess(modelServerMain, { NO_COLOR: '1' }, ['--port', '0']);
  await model.said(': Ready');
  const modelPort = /Starting HTTP server: 127\.0\.0\.1:(\d+)/.exec(model.output())?.[1] ?? '';
  worker = startProcess(example, {
    UNSECURED: 'true',
    WORKER_PORT: '0',
    WORKER_HOST: '127.0.0.1',
    MODEL_SERVER_PORT: modelPort,
    API_KEYS: keys,
    API_KEYS_PORT: '0',
  });
  const url = `http://127.0.0.1:${await worker.port()}`;
  port = /"directPorts":\{"api-keys":(\d+)/.exec(worker.output())?.[1] ?? '';
  while ((await fetch(`${url}/health`)).status !== 200);
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const client = (key: string) => new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: key, maxRetries: 0 });

describe('the openai client on a listener of direct mode', () => {
  it('gets embeddings with a key, as from the model server itself', async () => {
    const { data, usage } = await client(apiKey).embeddings.create({ model: 'any', input: ['hello', 'world'] });
    expect(data.map(({ index, embedding }) => [index, embedding.length > 0])).toEqual([
      [0, true],
      [1, true],
    ]);
    expect(usage.total_tokens).toBeGreaterThan(0);
  });

  it('is told that a key is not good, in the form it understands', async () => {
    const refused = client('vwk_another').embeddings.create({ model: 'any', input: 'hello' });
    await expect(refused).rejects.toMatchObject({ status: 401, code: 'CALLER_UNKNOWN' });
    expect(worker.output()).not.toContain(apiKey);
  });
});
