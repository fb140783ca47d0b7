import { type Answer, type ModelRequest, type Rig, type RigOptions, startRig } from '@bluefly/vast-worker/testing';
import { countRerankTokens } from '@bluefly/vast-workload';
import { describe, expect, it } from 'vitest';
import { createHandlers } from '../src/handlers.ts';
import { scanRequest } from '../src/scan/scan-request.ts';
import { scanWorkload } from '../src/workload.ts';
import { policyDocument } from './policy-document.ts';

/** What the model server is sent, and what becomes of a request when the model server or the client fails. */

const bodyOf = ({ body }: ModelRequest) => JSON.parse(body.toString()) as { query: string; texts: string[]; [field: string]: unknown };

/** Ranks by length, the longest first. */
const rank: Answer = (request) => {
  const ranking = bodyOf(request)
    .texts.map((text, index) => ({ index, score: text.length / 1000 }))
    .sort((left, right) => right.score - left.score);
  request.response.writeHead(200, { 'content-type': 'application/json', 'x-compute-tokens': '7' }).end(JSON.stringify(ranking));
};

const refuse =
  (status: number, body: string): Answer =>
  ({ response }) =>
    void response.writeHead(status, { 'content-type': body.startsWith('{') ? 'application/json' : 'text/plain' }).end(body);

/** Ready, and with the benchmark's requests forgotten. */
async function start(options: RigOptions = {}): Promise<Rig> {
  const rig = await startRig({
    handlers: createHandlers('documents'),
    model: (model) => {
      model.answer = rank;
      model.info = { model_id: 'some/reranker', max_client_batch_size: 10 };
    },
    ...options,
  });
  rig.model.forget();
  return rig;
}

const documents = Array.from({ length: 95 }, (_, index) => 'x'.repeat(index + 1));
const routes: [string, (texts: string[]) => Record<string, unknown>][] = [
  ['/rerank', (texts) => ({ query: 'q', texts })],
  ['/v1/rerank', (texts) => ({ query: 'q', documents: texts })],
  ['/v2/rerank', (texts) => ({ query: 'q', documents: texts })],
  ['/v1/compliance/scan', (passages) => ({ passages, controls: [{ id: 'c', requirements: [{ id: 'r', text: 'q' }] }] })],
];

describe.each(routes)('%s', (route, payload) => {
  it('calls with as many texts as the model server says it takes, and is booked as one request', async () => {
    await using rig = await start();
    const answer = await rig.post(route, payload(documents));
    expect(answer.status).toBe(200);
    expect(rig.model.requests.map((request) => bodyOf(request).texts.length).sort((left, right) => right - left)).toEqual([
      10, 10, 10, 10, 10, 10, 10, 10, 10, 5,
    ]);
    expect(rig.model.requests.every(({ path }) => path === '/rerank')).toBe(true);
    expect(answer.headers['x-compute-tokens']).toBe('70');
    expect((await rig.health()).workload).toMatchObject({ received: 95, served: 95 });
  });

  it('ends all its calls when the client leaves, makes no more, and is booked as cancelled', async () => {
    await using rig = await start({ model: (model) => Object.assign(model, { info: { max_client_batch_size: 10 } }) });
    rig.model.hold();
    const request = rig.open(route, rig.envelope(payload(documents)));
    await rig.model.received(4);
    request.leave();
    await rig.model.aborted(4);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ cancelled: 95, served: 0 });
    expect(rig.model.requests).toHaveLength(4);
  });

  it('fails as a whole with the first part that fails, and ends the others', async () => {
    await using rig = await start();
    rig.model.answer = (request) => {
      if (bodyOf(request).texts.includes('xxx')) refuse(429, '{"error":"Model is overloaded","error_type":"Overloaded"}')(request);
    }; // the others are never answered
    const answer = await rig.post(route, payload(documents));
    expect(answer.status).toBe(429);
    expect(answer.text).toContain('Model is overloaded');
    await rig.model.aborted(3);
    expect(rig.model.requests).toHaveLength(4);
    expect((await rig.health()).workload).toMatchObject({ errored: 95 });
  });

  it('is a 502 when the answer is no ranking of what was sent', async () => {
    await using rig = await start();
    for (const nonsense of ['[]', '[{"index":0}]', '{"object":"list"}', 'null', JSON.stringify(Array(10).fill({ index: 0, score: 1 }))]) {
      rig.model.answer = refuse(200, nonsense);
      const answer = await rig.post(route, payload(documents));
      expect([answer.status, answer.json().error.code]).toEqual([502, 'MODEL_SERVER_NOT_UNDERSTOOD']);
    }
  });
});

describe('a model server that says little', () => {
  it('gets 32 texts at once, and is asked again until it says more', async () => {
    await using rig = await start({ model: (model) => Object.assign(model, { answer: rank, info: undefined }) });
    const [route, payload] = routes[1] as (typeof routes)[1];
    expect((await rig.post(route, payload(documents))).json().model).toBe('unknown');
    expect(rig.model.requests.map((request) => bodyOf(request).texts.length)).toEqual([32, 32, 31]);
    rig.model.info = { model_id: 'some/reranker', served_model_name: 'ours', max_client_batch_size: 100 };
    rig.model.forget();
    expect((await rig.post(route, payload(documents))).json().model).toBe('ours');
    expect(rig.model.requests).toHaveLength(1);
  });
});

describe('a refusal', () => {
  it('is in the model server’s own words on its own dialect, and never quotes what its framework quotes elsewhere', async () => {
    await using rig = await start();
    rig.model.answer = refuse(422, 'Failed to deserialize the JSON body into the target type: invalid value "secret words"');
    const [tei, cohere, , scan] = routes as [(typeof routes)[0], (typeof routes)[0], (typeof routes)[0], (typeof routes)[0]];
    expect((await rig.post(tei[0], tei[1](documents))).text).toContain('secret words');
    for (const [route, payload] of [cohere, scan]) {
      const answer = await rig.post(route, payload(documents));
      expect([answer.status, answer.json().message]).toEqual([422, 'The model server refused the request.']);
    }
  });
});

describe('a scan', () => {
  it('shows the model server no secret, neither of the text nor of the controls', async () => {
    await using rig = await start();
    const { text, secrets } = policyDocument();
    const token = secrets[0]?.value as string;
    const controls = [{ id: 'c', title: `About ${token}`, requirements: [{ id: 'r', text: `Nobody uses ${token} any more.` }] }];
    const answer = await rig.post('/v1/compliance/scan', { document: text, controls, min_score: 0, top_n: 20, return_text: true });
    const stars = '*'.repeat(token.length);
    expect(answer.json().controls[0].title).toBe(`About ${stars}`);
    expect(new Set(rig.model.requests.map((request) => bodyOf(request).query))).toEqual(new Set([`Nobody uses ${stars} any more.`]));
    const sent = rig.model.requests.map(({ body }) => body.toString()).join();
    expect(sent).toContain('least privilege');
    for (const { value } of secrets) {
      for (const line of value.split('\n')) expect(sent + answer.text).not.toContain(line);
    }
  });

  it('asks for raw scores of cut texts, and for no texts back', async () => {
    await using rig = await start();
    await rig.post('/v1/compliance/scan', { document: 'Text.', control_set: 'logging' });
    const { query: _query, texts: _texts, ...fields } = bodyOf(rig.model.requests[0] as ModelRequest);
    expect(fields).toEqual({ raw_scores: true, truncate: true, return_text: false });
  });

  it('costs in tokens what its rankings cost', () => {
    const scan = scanRequest.parse({ document: policyDocument().text, control_set: 'baseline' });
    const texts = scan.passages.map(({ start, end }) => (scan.sources[0] as string).slice(start, end));
    const rankings = scan.controls.flatMap(({ requirements }) => requirements.map(({ text: query }) => ({ query, texts })));
    expect(scanWorkload('tokens')(scan)).toBe(rankings.reduce((sum, ranking) => sum + countRerankTokens(ranking), 0));
    expect(scanWorkload('documents')(scan)).toBe(rankings.length * texts.length);
  });
});
