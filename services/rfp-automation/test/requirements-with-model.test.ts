import { type Rig, startRig } from '@bluefly/vast-worker/testing';
import { describe, expect, it } from 'vitest';
import { createHandlers } from '../src/handlers.ts';
import type { Requirement } from '../src/requirement.ts';
import { type ChatCall, honest, type Scripted, scriptChat } from './scripted-vllm.ts';

/** The route with RFP_METHOD=model, between a client and a scripted vLLM. */

const route = '/v1/rfp/requirements';

async function startModelRig(script: (call: ChatCall) => Scripted, options: { workloadUnit?: 'max_tokens' | 'tokens' } = {}): Promise<Rig> {
  const rig = await startRig({ handlers: createHandlers({ method: 'model', workloadUnit: options.workloadUnit ?? 'max_tokens' }) });
  rig.model.forget(); // the canary and the benchmark
  scriptChat(rig.model, script);
  return rig;
}

const chatCalls = (rig: Rig) => rig.model.requests.map(({ body }) => JSON.parse(body.toString()) as Record<string, any>);

const short = `# 2 Security

The contractor shall encrypt
all data. The City has 14 offices. The contractor should **rotate keys** within 10 days.
The contractor may use its own tools.
`;

/** Sections of about 1,300 tokens each, so that each is a passage. */
const longDocument = (sections: number) =>
  Array.from({ length: sections }, (_, section) => {
    const sentences = Array.from(
      { length: 80 },
      (_, index) => `The contractor shall deliver part ${section}-${index} of the system in time.`,
    );
    return `# Section ${section}\n\n${sentences.join(' ')}\n`;
  }).join('\n');

describe('requirements with a model', () => {
  it('finds the quotes in the document, however they were broken into lines', async () => {
    await using rig = await startModelRig(() => ({
      content: JSON.stringify({
        requirements: [
          { quote: 'The contractor shall encrypt all data.', obligation: 'shall', category: 'security' },
          { quote: 'The contractor should rotate keys within 10 days.', obligation: 'should', category: 'security' },
          { quote: 'The contractor may use its own tools.', obligation: 'may', category: 'technical' },
        ],
      }),
    }));
    const reply = await rig.post(route, { document: short });
    expect(reply.status).toBe(200);
    const answer = reply.json();
    expect(answer).toMatchObject({
      object: 'rfp.requirements',
      method: 'model',
      offset_unit: 'utf-16 code units',
      document_length: short.length,
      unread: [],
      dropped_quotes: 0,
      usage: { prompt_tokens: 700, calls: 1, repairs: 0 },
    });
    expect(answer.requirements).toMatchObject([
      { text: 'The contractor shall encrypt\nall data.', section: '2 Security', obligation: 'shall', category: 'security', due: [] },
      { obligation: 'should', due: [{ text: '10 days', within: { amount: 10, unit: 'day' } }] },
      { obligation: 'may', category: 'technical' },
    ]);
    for (const { text, start, end } of answer.requirements as Requirement[]) expect(short.slice(start, end)).toBe(text);
    expect((await rig.health()).workload).toMatchObject({ errored: 0, open: 0 });
  });

  it('asks for structured output, as a stream, and names no model', async () => {
    await using rig = await startModelRig(honest);
    await rig.post(route, { document: short });
    const [call] = chatCalls(rig);
    expect(call).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      response_format: { type: 'json_schema', json_schema: { strict: true, schema: { type: 'object', additionalProperties: false } } },
    });
    expect(call).not.toHaveProperty('model');
    expect(call?.messages.at(-1).content).toContain(`Section: 2 Security\n\nPassage:\n\n${short}`);
  });

  it('drops what the model made up, and says how much', async () => {
    await using rig = await startModelRig(() => ({
      content: JSON.stringify({
        requirements: [
          { quote: 'The contractor shall pay for lunch.', obligation: 'shall', category: 'other' },
          { quote: 'shall encrypt', obligation: 'shall', category: 'other' }, // too short to be looked for
          { quote: 'The contractor may use its own tools.', obligation: 'may', category: 'other' },
        ],
      }),
    }));
    const answer = (await rig.post(route, { document: short })).json();
    expect(answer.requirements.map(({ text }: Requirement) => text)).toEqual(['The contractor may use its own tools.']);
    expect(answer.dropped_quotes).toBe(2);
  });

  it('reads a long document in several calls under one ticket, whose workload covers their answers', async () => {
    const document = longDocument(6);
    await using rig = await startModelRig(honest);
    const answer = (await rig.post(route, { document })).json();
    expect(answer.requirements).toHaveLength(480);
    expect(answer.usage).toMatchObject({ calls: 6, repairs: 0, prompt_tokens: 4200 });
    const asked = chatCalls(rig).reduce((sum, call) => sum + call.max_tokens, 0);
    const { workload, requestsReceived } = await rig.health();
    expect(requestsReceived).toBe(1);
    expect(workload.served).toBeGreaterThanOrEqual(asked);
    expect(workload.served).toBeLessThan(asked * 1.5); // two repairs are paid for as well
  });

  it('counts the prompts too when the unit is tokens', async () => {
    await using rig = await startModelRig(honest, { workloadUnit: 'tokens' });
    await rig.post(route, { document: longDocument(6) });
    const calls = chatCalls(rig);
    const tokens = calls.reduce(
      (sum, call) => sum + call.max_tokens + call.messages.reduce((all: number, { content }: any) => all + content.length / 4, 0),
      0,
    );
    const { served } = (await rig.health()).workload;
    expect(served).toBeGreaterThanOrEqual(tokens);
    expect(served).toBeLessThan(tokens * 1.7);
  });

  it.each<[string, Scripted]>([
    ['is no JSON', { content: 'Sure! Here are the requirements:' }],
    [
      'has another shape',
      { content: '{"requirements":[{"quote":"The contractor may use its own tools.","obligation":"perhaps","category":"other"}]}' },
    ],
    ['was cut off', { content: '{"requirements":[{"quote":"The contr', finish: 'length' }],
    [
      'could not be made for want of context',
      { status: 400, message: "This model's maximum context length is 4096 tokens. However, you requested …" },
    ],
  ])('repairs an answer that %s, by asking about each half', async (_, unusable) => {
    await using rig = await startModelRig((call) => (call.number === 0 ? unusable : honest(call)));
    const answer = (await rig.post(route, { document: short })).json();
    expect(answer.requirements).toHaveLength(3);
    expect(answer).toMatchObject({ unread: [], usage: { calls: 3, repairs: 1 } });
    const [whole, ...halves] = chatCalls(rig).map((call) => (call.messages.at(-1).content as string).split('Passage:\n\n')[1]);
    expect(halves.join('')).toBe(whole);
  });

  it('names the passages that it could not read, and why, and repairs only so many', async () => {
    const document = longDocument(8);
    const spoilt = ['Section 1\n', 'Section 3\n', 'Section 4\n', 'part 3-', 'part 4-', 'part 1-'];
    await using rig = await startModelRig((call) =>
      spoilt.some((text) => call.passage.includes(text)) ? { content: '{', finish: 'length' } : honest(call),
    );
    const answer = (await rig.post(route, { document })).json();
    expect(answer.usage).toMatchObject({ repairs: 2, calls: 8 + 2 * 2 }); // two of eight may be repaired
    expect(answer.unread.map(({ reason }: { reason: string }) => reason)).toEqual(['length', 'length', 'length', 'length', 'length']);
    const unread = answer.unread.map(({ start, end }: { start: number; end: number }) => document.slice(start, end)).join('');
    expect(unread.match(/deliver part [134]-/g)).toHaveLength(240);
    expect(answer.requirements).toHaveLength(400);
  });

  it('answers 502 when no passage could be read', async () => {
    await using rig = await startModelRig(() => ({ content: 'no' }));
    const reply = await rig.post(route, { document: longDocument(8) });
    expect([reply.status, reply.json().error.code]).toEqual([502, 'MODEL_ANSWER_UNUSABLE']);
    const { workload } = await rig.health();
    expect(workload).toMatchObject({ served: 0, open: 0 });
    const asked = chatCalls(rig).reduce((sum, call) => sum + call.max_tokens, 0);
    expect(rig.model.requests).toHaveLength(8 + 2 * 2);
    expect(workload.errored).toBeGreaterThanOrEqual(asked); // even now the workload covers the calls
  });

  it.each<[string, Scripted]>([
    ['dies in the middle of an answer', { dies: true, content: '{"requirements":[{"quote":"The contractor may' }],
    ['tells an error in the middle of an answer', { failsWith: 'EngineCore encountered an issue.' }],
    ['ends an answer without saying why', { content: '{"requirements":[]}', finish: null }],
  ])('answers 502 when the model server %s', async (_, failure) => {
    await using rig = await startModelRig((call) => (call.number === 2 ? failure : honest(call)));
    const reply = await rig.post(route, { document: longDocument(6) });
    expect([reply.status, reply.json().error.code]).toEqual([502, 'MODEL_SERVER_UNREACHABLE']);
    expect((await rig.health()).workload).toMatchObject({ served: 0, open: 0 });
  });

  it.each([400, 401, 404, 429, 500, 503])(
    'answers 502 to a refusal with %d, repeats no call and shows nothing of the document',
    async (status) => {
      await using rig = await startModelRig(({ passage }) => ({ status, message: `I do not like ${passage}` }));
      const reply = await rig.post(route, { document: short });
      expect([reply.status, reply.json().error.code]).toEqual([502, 'MODEL_REFUSED']);
      expect(reply.text).not.toContain('encrypt');
      expect(rig.model.requests).toHaveLength(1);
      expect((await rig.health()).workload).toMatchObject({ served: 0, open: 0 });
    },
  );

  it('ends all calls when one has failed', async () => {
    await using rig = await startModelRig(({ number }) => (number === 0 ? { status: 500, message: 'no' } : { content: '' }));
    rig.model.hold();
    const reply = rig.post(route, { document: longDocument(6) });
    await rig.model.received(4);
    rig.model.release(1);
    expect((await reply).status).toBe(502);
    await rig.model.aborted(3);
    expect(rig.model.requests).toHaveLength(4);
  });

  it.each([false, true])('ends all calls when the client leaves (stream: %s)', async (stream) => {
    await using rig = await startModelRig(honest);
    rig.model.hold();
    const request = rig.open(route, rig.envelope({ document: longDocument(6), stream }));
    await rig.model.received(4);
    request.leave();
    await rig.model.aborted(4);
    const health = await rig.untilHealth(({ openRequests }) => openRequests === 0);
    expect(health.workload).toMatchObject({ served: 0, errored: 0, open: 0 });
    expect(health.workload.cancelled).toBeGreaterThan(0);
    expect(rig.model.requests).toHaveLength(4);
  });
});

describe('progress as events', () => {
  const eventsOf = (text: string) =>
    text
      .split('\n\n')
      .filter(Boolean)
      .map((event) => event.replace(/^data: /, ''));

  it('tells each passage, then the same answer as without', async () => {
    const document = longDocument(3);
    await using rig = await startModelRig(honest);
    const reply = await rig.post(route, { document, stream: true });
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const events = eventsOf(reply.text);
    expect(events.pop()).toBe('[DONE]');
    const { type, ...result } = JSON.parse(events.pop() as string);
    expect(type).toBe('result');
    expect(result).toEqual((await rig.post(route, { document })).json());
    const progress = events.map((event) => JSON.parse(event));
    expect(progress).toMatchObject([0, 1, 2, 3].map((read) => ({ type: 'progress', passages_read: read, passages: 3 })));
    expect(progress.at(-1).found).toBe(240);
  });

  it('comes while the model is at work', async () => {
    await using rig = await startModelRig(honest);
    rig.model.hold();
    const { response } = await rig.open(route, rig.envelope({ document: longDocument(3), stream: true })).answer;
    let text = '';
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const told = (what: string) =>
      new Promise<void>((resolve) => {
        const look = () => text.includes(what) && resolve();
        response.on('data', look);
        look();
      });
    await told('"passages_read":0');
    await rig.model.received(3);
    rig.model.release(1);
    await told('"passages_read":1');
    expect(text).not.toContain('"passages_read":2');
    rig.model.release();
    await told('[DONE]');
  });

  it('tells a failure as an event, without an end, and books it as one', async () => {
    await using rig = await startModelRig((call) => (call.number === 1 ? { dies: true } : honest(call)));
    const { response } = await rig.open(route, rig.envelope({ document: longDocument(3), stream: true })).answer;
    let text = '';
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await new Promise((resolve) => {
      response.on('error', resolve);
      response.on('close', resolve);
    });
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(eventsOf(text).at(-1) as string).error).toMatchObject({ code: 'MODEL_SERVER_UNREACHABLE', type: 'server_error' });
    expect(text).not.toContain('[DONE]');
    expect((await rig.health()).workload).toMatchObject({ served: 0, cancelled: 0, open: 0 });
  });
});

it('lets nothing of a document or of an answer into the logs, whatever goes wrong', async () => {
  const lines: string[] = [];
  const write = (...words: unknown[]) => void lines.push(JSON.stringify(words));
  const log: any = { level: 'trace', isLevelEnabled: () => true, child: () => log };
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) log[level] = write;
  const failures: Scripted[] = [
    { content: '{"requirements":[{"quote":"SECRET"' },
    { dies: true, content: 'SECRET' },
    { failsWith: 'SECRET' },
    { status: 500, message: 'SECRET' },
  ];
  await using rig = await startRig({ handlers: createHandlers({ method: 'model', workloadUnit: 'max_tokens' }), parts: { log } });
  for (const failure of failures) {
    scriptChat(rig.model, () => failure);
    for (const stream of [false, true]) {
      const { response } = await rig.open(route, rig.envelope({ document: 'The vendor shall keep the SECRET.', stream })).answer;
      const text = await new Promise<string>((resolve) => {
        let all = '';
        response.on('data', (chunk: Buffer) => {
          all += chunk.toString();
        });
        response.on('close', () => resolve(all));
      });
      expect(text).toContain('"error"');
      expect(text).not.toContain('SECRET');
    }
  }
  await rig.untilHealth(({ openRequests }) => openRequests === 0);
  expect(lines.join('')).toContain('request ended'); // they were written
  expect(lines.join('')).not.toContain('SECRET');
});
