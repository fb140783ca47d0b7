import { type Answer, type ModelRequest, type Rig, startProcess, startRig } from '@bluefly/vast-worker/testing';
import { InferenceClient } from '@huggingface/inference';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { agentBrainConfig } from '../src/config.ts';

/** EMBEDDING_CACHE_MIB, before a model server whose answers a test can tell apart, and before the embedded one with real clients. */

const bodyOf = ({ body }: ModelRequest) => JSON.parse(body.toString()) as Record<string, any>;
const itemsOf = (request: ModelRequest): unknown[] => [bodyOf(request).input ?? bodyOf(request).inputs].flat();

/** Each item's vector is its length and how many requests there were before. */
function countingModel(): Answer {
  let requests = 0;
  return (request) => {
    requests += 1;
    const vectors = itemsOf(request).map((item) => [String(item).length, requests]);
    const headers = { 'content-type': 'application/json', 'x-compute-tokens': String(vectors.length), 'x-compute-characters': '1' };
    request.response.writeHead(200, headers).end(
      JSON.stringify(
        request.path === '/embed'
          ? vectors
          : {
              object: 'list',
              data: vectors.map((embedding, index) => ({ object: 'embedding', embedding, index })),
              model: 'm',
              usage: { prompt_tokens: vectors.length, total_tokens: vectors.length },
            },
      ),
    );
  };
}

async function start(env: Record<string, string> = { EMBEDDING_CACHE_MIB: '1' }): Promise<Rig> {
  const { handlers, serviceMetrics } = agentBrainConfig(env);
  const rig = await startRig({
    handlers,
    config: { serviceMetrics },
    model: (model) => {
      model.answer = countingModel();
      model.info = { model_id: 'm', model_sha: '1', max_client_batch_size: 4 };
    },
  });
  rig.model.forget();
  return rig;
}
const embed = async (rig: Rig, inputs: unknown, options: object = {}) =>
  (await rig.post('/embed', { inputs, ...options })).json() as number[][];

describe('with a cache', () => {
  it('only what is new is asked of the model server, in parts that it takes', async () => {
    await using rig = await start();
    const first = await embed(rig, ['a', 'bb', 'ccc']);
    const second = await rig.post('/embed', { inputs: ['ccc', 'dddd', 'a', 'eeeee', 'f', 'gg', 'hhh'] });
    expect(rig.model.requests.map(itemsOf)).toEqual([['a', 'bb', 'ccc'], ['dddd', 'eeeee', 'f', 'gg'], ['hhh']]);
    expect(second.json()[0]).toEqual(first[2]);
    expect(second.json().map(([length]: number[]) => length)).toEqual([3, 4, 1, 5, 1, 2, 3]);
    expect(second.headers).toMatchObject({ 'x-compute-tokens': '5', 'x-compute-characters': '2' });
    expect((await rig.health()).workload).toMatchObject({ served: 10 }); // what was asked for, computed or not
    const { text } = await rig.get('/metrics');
    expect(text).toMatch(/^agent_brain_embedding_cache_items_total\{result="hit"\} 2$/m);
    expect(text).toMatch(/^agent_brain_embedding_cache_bytes [1-9]/m);
  });

  it('answers are in the shape of the API, with the tokens that were computed for them', async () => {
    await using rig = await start();
    const ask = async () => (await rig.post('/v1/embeddings', { input: 'abc', model: 'm' })).json();
    const fresh = await ask();
    expect(fresh).toEqual({
      object: 'list',
      data: [{ object: 'embedding', embedding: [3, expect.any(Number)], index: 0 }],
      model: 'm',
      usage: { prompt_tokens: 1, total_tokens: 1 },
    });
    expect(await ask()).toEqual({ ...fresh, usage: { prompt_tokens: 0, total_tokens: 0 } });
  });

  it.each([
    ['another option', { truncate: true }],
    ['another value of an option', { normalize: false }],
  ])('%s is another embedding', async (_, options) => {
    await using rig = await start();
    await embed(rig, 'a', { normalize: true });
    await embed(rig, 'a', options);
    await embed(rig, ['a'], { normalize: true });
    expect(rig.model.requests).toHaveLength(2);
  });

  it('another API, another type of item, and another model are, too', async () => {
    await using rig = await start();
    const before = await embed(rig, ['12', [1, 2]]);
    await rig.post('/v1/embeddings', { input: '12' });
    expect(rig.model.requests.map(itemsOf)).toEqual([['12', [1, 2]], ['12']]);
    rig.model.info = { model_id: 'm', model_sha: '2', max_client_batch_size: 4 };
    expect(await embed(rig, ['12', [1, 2]])).not.toEqual(before);
    expect(rig.model.requests).toHaveLength(3);
  });

  it('nothing is answered from before a restart of the model server, whatever it says it is', async () => {
    await using rig = await start();
    const before = await embed(rig, 'a');
    expect(await embed(rig, 'a')).toEqual(before);
    await rig.model.kill();
    await rig.model.listen();
    await rig.untilHealth(({ phase }) => phase === 'ready');
    expect(await embed(rig, 'a')).not.toEqual(before);
  });

  it('who a request is made for does not matter', async () => {
    await using rig = await start();
    for (const user of ['alice', 'bob']) await rig.post('/v1/embeddings', { input: 'a', user });
    expect(rig.model.requests).toHaveLength(1);
  });

  it('a refusal is the answer as it is, is not kept, and is nobody else’s', async () => {
    await using rig = await start();
    const works = rig.model.answer;
    rig.model.answer = ({ response }) =>
      void response.writeHead(429, { 'retry-after': '1' }).end('{"error":"busy","error_type":"Overloaded"}');
    const refused = await rig.post('/embed', { inputs: ['a'] });
    expect([refused.status, refused.json()]).toEqual([429, { error: 'busy', error_type: 'Overloaded' }]);
    rig.model.answer = works;
    expect(await embed(rig, ['a'])).toEqual([[1, expect.any(Number)]]);
  });

  it('what two ask for at the same time is computed once; when the one it is computed for leaves, the other still gets it', async () => {
    await using rig = await start();
    rig.model.hold();
    const leaving = rig.open('/embed', rig.envelope({ inputs: ['a'] }));
    await rig.model.received(1);
    const staying = embed(rig, ['a', 'bb']);
    await rig.model.received(2);
    expect(rig.model.requests.map(itemsOf)).toEqual([['a'], ['bb']]);
    leaving.leave();
    await rig.model.aborted(1);
    rig.model.release(2);
    await rig.model.received(3);
    expect(itemsOf(rig.model.requests[2] as ModelRequest)).toEqual(['a']);
    rig.model.release();
    expect((await staying).map(([length]) => length)).toEqual([1, 2]);
    expect((await rig.untilHealth(({ openRequests }) => openRequests === 0)).workload).toMatchObject({ served: 2, cancelled: 1 });
  });

  it.each([[''], [{ text: 'a' }], [[]], [null], [['a', 7]]])('%j is for the model server to judge', async (inputs) => {
    await using rig = await start();
    await rig.post('/embed', { inputs });
    expect(bodyOf(rig.model.requests[0] as ModelRequest)).toEqual({ inputs: inputs === '' ? [''] : inputs });
  });

  it.each(['{"inputs":"a","dimensions":1e999}', '{"inputs":"a","seed":12345678901234567890}', '{"inputs":"a","more":{"deep":1}}'])(
    '%s is for the model server to judge, with the bytes it came in',
    async (payload) => {
      await using rig = await start();
      for (const _ of [1, 2]) await rig.send('/embed', `{"auth_data":${JSON.stringify(rig.grant())},"payload":${payload}}`);
      expect(rig.model.requests.map(({ body }) => body.toString())).toEqual([payload, payload]);
    },
  );

  it('a vector that holds no number is sent, and not kept', async () => {
    await using rig = await start();
    rig.model.answer = ({ response }) => void response.end('[[1,null]]');
    expect(await embed(rig, ['a'])).toEqual([[1, null]]);
    rig.model.answer = countingModel();
    expect(await embed(rig, ['a'])).toEqual([[1, 1]]);
  });

  it('an answer is never of two models: when the model server changes meanwhile, all of it is computed anew', async () => {
    await using rig = await start();
    await embed(rig, ['a']);
    const works = rig.model.answer;
    rig.model.answer = (request) => {
      rig.model.info = { model_id: 'another', max_client_batch_size: 4 };
      works(request);
    };
    const [a, bb] = (await embed(rig, ['a', 'bb'])) as [number[], number[]];
    expect(rig.model.requests.map(itemsOf)).toEqual([['a'], ['bb'], ['a', 'bb']]);
    expect(a[1]).toBe(bb[1]);
  });

  it('an answer that holds no embeddings is a 502, and is not kept', async () => {
    await using rig = await start();
    rig.model.answer = ({ response }) => void response.end('[[1],[2]]');
    expect((await rig.post('/embed', { inputs: ['a'] })).json().error.code).toBe('MODEL_SERVER_NOT_UNDERSTOOD');
    rig.model.answer = countingModel();
    expect(await embed(rig, ['a'])).toHaveLength(1);
  });

  it('a model server that does not say what it is gets every request as it came', async () => {
    await using rig = await start();
    rig.model.info = undefined;
    for (const _ of [1, 2]) await embed(rig, ['a']);
    expect(rig.model.requests).toHaveLength(2);
  });
});

describe('without a cache', () => {
  it('bytes reach the model server as they came, each time', async () => {
    await using rig = await start({});
    for (const _ of [1, 2]) await rig.send('/embed', rig.envelope({ inputs: 'a' }).replace('"a"', ' "a" '));
    expect(rig.model.requests.map(({ body }) => body.toString())).toEqual(['{"inputs": "a" }', '{"inputs": "a" }']);
  });

  it('is what a size of 0 means; another that is none is listed', () => {
    expect(agentBrainConfig({ EMBEDDING_CACHE_MIB: '0' }).serviceMetrics).toBeUndefined();
    expect(agentBrainConfig({ EMBEDDING_CACHE_MIB: '1 GB' }).serviceProblems).toEqual([
      { where: 'environment variable EMBEDDING_CACHE_MIB', expected: 'whole MiB, 0 (no cache) to 65536', found: '"1 GB"' },
    ]);
  });
});

describe('real clients', () => {
  it('get from the cache what they get from the model server', async () => {
    const main = (file: string) => new URL(file, import.meta.url);
    await using model = startProcess(main('../../../packages/cpu-model-server/src/main.ts'), { NO_COLOR: '1' }, ['--port', '0']);
    await model.said(': Ready');
    const modelPort = /Starting HTTP server: 127\.0\.0\.1:(\d+)/.exec(model.output())?.[1] ?? '';
    const env = { UNSECURED: 'true', WORKER_PORT: '0', WORKER_HOST: '127.0.0.1', MODEL_SERVER_PORT: modelPort, EMBEDDING_CACHE_MIB: '4' };
    await using worker = startProcess(main('../src/main.ts'), env);
    const url = `http://127.0.0.1:${await worker.port()}`;
    while ((await fetch(`${url}/health`)).status !== 200);
    const grant = { cost: 1, endpoint: 'test', reqnum: 1, request_idx: 1, signature: 'unsecured', url };
    const through: typeof fetch = (input, init) =>
      fetch(input, { ...init, body: JSON.stringify({ auth_data: grant, payload: JSON.parse(init?.body as string) }) });

    const input = Array.from({ length: 50 }, (_, index) => `document number ${index}`);
    const openai = (baseURL: string, fetchIt: typeof fetch) => new OpenAI({ baseURL, apiKey: 'none', fetch: fetchIt, maxRetries: 0 });
    const [direct, cached] = [openai(`http://127.0.0.1:${modelPort}/v1`, fetch), openai(`${url}/v1`, through)];
    for (const encoding_format of ['float', 'base64'] as const) {
      const expected = (await direct.embeddings.create({ model: 'any', input: input.slice(0, 20), encoding_format })).data;
      for (const _ of [1, 2]) {
        const { data } = await cached.embeddings.create({ model: 'any', input, encoding_format });
        expect(data.slice(0, 20)).toEqual(expected);
        expect(data.map(({ index }) => index)).toEqual(input.map((_one, index) => index));
      }
    }
    const huggingFace = new InferenceClient('', { endpointUrl: `${url}/embed`, fetch: through, retry_on_error: false });
    const [fresh, again] = [await huggingFace.featureExtraction({ inputs: input }), await huggingFace.featureExtraction({ inputs: input })];
    expect(again).toEqual(fresh);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^agent_brain_embedding_cache_items_total\{result="hit"\} 150$/m);
  });
});
