import { InferenceClient } from '@huggingface/inference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectedEvidence, expectedGaps, policyDocument } from './policy-document.ts';
import { type StartedService, startService } from './start-service.ts';

/**
 * Scans by real clients against the real service in front of the embedded model server. That one ranks by shared words
 * (BM25), whose figures are larger than a neural reranker's: hence the `min_score` this close to 1.
 */

const minScore = 0.99999999;
const path = '/v1/compliance/scan';
const policy = policyDocument();

let service: StartedService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service[Symbol.asyncDispose]());

const scan = async (payload: object): Promise<any> => {
  const answer = await service.post(path, payload);
  expect(answer.status).toBe(200);
  return answer.json();
};

describe('a handbook of thirty pages', () => {
  let answer: any;
  beforeAll(async () => {
    answer = await scan({ document: policy.text, control_set: 'baseline', min_score: minScore, return_text: true });
  });
  const requirementsOf = (evidence: any): string[] => evidence.requirements.map(({ id }: any) => id);

  it('has evidence for each requirement that it meets, the right passage first', () => {
    const evidence = answer.controls.flatMap((control: any) => control.evidence);
    const bestOf = (id: string) =>
      evidence
        .flatMap((one: any) => one.requirements.filter((met: any) => met.id === id).map(({ score }: any) => ({ ...one, score })))
        .sort((left: any, right: any) => right.score - left.score)[0];
    for (const [id, words] of Object.entries(expectedEvidence)) {
      const { start, end } = bestOf(id);
      expect([id, policy.text.slice(start, end)]).toEqual([id, expect.stringContaining(words)]);
    }
    expect(new Set(evidence.flatMap(requirementsOf))).toEqual(new Set(Object.keys(expectedEvidence)));
  });

  it('has gaps where it says nothing', () => {
    expect(answer.controls.flatMap(({ gaps }: any) => gaps.map(({ requirement }: any) => requirement))).toEqual(expectedGaps);
    expect(answer.controls.map(({ id, status }: any) => [id, status])).toEqual([
      ['access-control', 'covered'],
      ['encryption', 'covered'],
      ['logging', 'partial'],
      ['retention', 'partial'],
      ['incident-response', 'partial'],
      ['supplier-management', 'partial'],
    ]);
  });

  it('has its planted secrets found, by place and kind', () => {
    expect(policy.secrets).toHaveLength(7);
    expect(answer.secrets).toEqual(policy.secrets.map(({ kind, start, end }) => ({ kind, start, end })));
  });

  it('is summed up', () => {
    expect(answer.summary).toEqual({
      controls: { covered: 2, partial: 4, missing: 0 },
      requirements: 24,
      gaps: 4,
      passages: expect.any(Number),
      secrets: 7,
    });
    expect(answer).toMatchObject({
      object: 'compliance.scan',
      model: 'bluefly/lexical-384',
      offset_unit: 'utf-16 code units',
      min_score: minScore,
    });
  });

  it('has the same findings in the same order the next time', async () => {
    const again = await scan({ document: policy.text, control_set: 'baseline', min_score: minScore, return_text: true });
    expect(again).toEqual(answer);
  });

  it('costs what its calls cost: each passage once for each requirement', async () => {
    const before = await service.health();
    const { summary } = await scan({ document: policy.text, control_set: 'encryption' });
    const after = await service.health();
    expect(summary.requirements).toBe(4);
    expect(after.workload.served).toBe((before.workload.served as number) + 4 * summary.passages);
    expect(after.openRequests).toBe(0);
  });

  it('gives no secret away: not in quotes, not in the answer, not in the logs of either process', () => {
    const quotes = answer.controls.flatMap((control: any) => control.evidence.map(({ text }: any) => text));
    expect(quotes.join()).toContain('least privilege');
    const everything = JSON.stringify(answer) + service.worker.output() + service.model.output();
    expect(service.worker.output()).toContain('request ended'); // the log is as talkative as it gets
    for (const { value } of policy.secrets) {
      for (const line of value.split('\n')) expect(everything).not.toContain(line);
    }
    expect(service.worker.output()).not.toContain('least privilege');
  });
});

describe('quoted evidence', () => {
  it('has stars in the place of secrets, unit for unit', async () => {
    const secret = policy.secrets[0]?.value as string;
    const document = `🔑 Logs are monitored, and suspicious activity raises an alert; the alert uses ${secret} to ring.`;
    const { controls, secrets } = await scan({ document, control_set: 'logging', min_score: 0, return_text: true });
    expect(controls[0].evidence[0].text).toBe(document.replace(secret, '*'.repeat(secret.length)));
    expect(secrets).toEqual([{ kind: 'github-token', start: document.indexOf(secret), end: document.indexOf(secret) + secret.length }]);
    expect(document.slice(secrets[0].start, secrets[0].end)).toBe(secret); // UTF-16 units, as JavaScript and Java count
  });
});

describe('passages', () => {
  const passages = [
    'The canteen is open from eleven to two.',
    'Every employee reports a suspected incident immediately, and knows to whom.',
    `Call the vendor with card ${policy.secrets.find(({ kind }) => kind === 'payment-card')?.value} at hand.`,
  ];

  it('are named by their number, with places within them', async () => {
    const { controls, secrets } = await scan({ passages, control_set: 'incident-response', min_score: 0.99 });
    const [{ evidence }] = controls;
    expect(evidence[0]).toMatchObject({ passage: 1, start: 0, end: passages[1]?.length, requirements: [{ id: 'reporting' }] });
    expect(evidence[0]).not.toHaveProperty('text');
    expect(secrets).toMatchObject([{ kind: 'payment-card', passage: 2, start: 26 }]);
  });

  it('that support several requirements are listed once, with each of them', async () => {
    const controls = [
      {
        id: 'canteen',
        title: 'Food',
        requirements: [
          { id: 'open', text: 'The canteen is open.' },
          { id: 'hours', text: 'Opening: from eleven to two' },
          { id: 'menu', text: 'Vegetarian dishes' },
        ],
      },
    ];
    const answer = await scan({ passages, controls, min_score: 0.5 });
    expect(answer.controls).toMatchObject([
      {
        id: 'canteen',
        title: 'Food',
        status: 'partial',
        evidence: [{ passage: 0, requirements: [{ id: 'hours' }, { id: 'open' }] }],
        gaps: [{ requirement: 'menu', text: 'Vegetarian dishes', nearest: { passage: 0 } }],
      },
    ]);
  });

  it('rank for @huggingface/inference too', async () => {
    const client = new InferenceClient('', { endpointUrl: service.url + path, fetch: service.envelopeFetch, retry_on_error: false });
    const answer = await client.request<any>({ passages, control_set: 'incident-response' } as any);
    expect(answer.summary).toMatchObject({ passages: 3, requirements: 4 });
  });
});

describe('bad input', () => {
  const requirements = [{ id: 'a', text: 'Something is done.' }];
  const token = `gl${'pat'}-${'a1'.repeat(10)}`;

  it.each([
    ['nothing to scan', { control_set: 'baseline' }, 'document: expected either document or passages'],
    [
      'a document and passages',
      { document: 'a', passages: ['a'], control_set: 'baseline' },
      'document: expected either document or passages',
    ],
    ['an empty document', { document: ' \n\n ', control_set: 'baseline' }, 'document: expected a text that is not empty'],
    ['no passages', { passages: [], control_set: 'baseline' }, 'passages: expected a text that is not empty'],
    ['a passage that is none', { passages: ['a', null], control_set: 'baseline' }, 'passages.1: expected a text'],
    [
      'another dialect',
      { query: 'q', document: 'a', control_set: 'baseline' },
      ': expected no fields but document, passages, control_set, controls, min_score, top_n, return_text',
    ],
    ['no controls', { document: 'a' }, 'control_set: expected either control_set or controls'],
    [
      'a control set that nobody knows',
      { document: 'a', control_set: 'sox' },
      'control_set: expected one of baseline, access-control, encryption, logging, retention, incident-response, supplier-management',
    ],
    [
      'a control set that every object has',
      { document: 'a', control_set: 'toString' },
      expect.stringContaining('control_set: expected one of'),
    ],
    ['an empty list of controls', { document: 'a', controls: [] }, 'controls: expected at least one control'],
    [
      'a control without requirements',
      { document: 'a', controls: [{ id: 'a', requirements: [] }] },
      'controls.0.requirements: expected at least one requirement',
    ],
    [
      'two controls of one id',
      {
        document: 'a',
        controls: [
          { id: 'a', requirements },
          { id: 'a', requirements },
        ],
      },
      'controls: expected ids that differ',
    ],
    [
      'an id that is a text',
      { document: 'a', controls: [{ id: 'Two words', requirements }] },
      expect.stringContaining('controls.0.id: expected 1 to 64 of'),
    ],
    [
      'an id that is a secret',
      { document: 'a', controls: [{ id: token, requirements }] },
      'controls.0.id: expected an id that does not look like a secret',
    ],
    [
      'a requirement that is too long',
      { document: 'a', controls: [{ id: 'a', requirements: [{ id: 'a', text: 'a'.repeat(801) }] }] },
      'controls.0.requirements.0.text: expected at most 800 UTF-16 units',
    ],
    ['a score over 1', { document: 'a', control_set: 'baseline', min_score: 2 }, 'min_score: expected 0 to 1'],
    ['a top_n of 0', { document: 'a', control_set: 'baseline', top_n: 0 }, 'top_n: expected 1 to 20'],
    [
      'a document that is too long',
      { document: 'a'.repeat(1_000_001), control_set: 'logging' },
      'document: expected at most 1000000 UTF-16 units, found 1000001',
    ],
    ['10,001 passages', { passages: Array(10_001).fill('a'), control_set: 'logging' }, 'passages: expected at most 10000 elements'],
    [
      '10,000 passages for 24 requirements',
      { passages: Array(10_000).fill('a'), control_set: 'baseline' },
      'passages: expected at most 100000 pairs, found 10000 passages for 24 requirements',
    ],
  ])('%s is refused', async (_, payload, problem) => {
    const answer = await service.post(path, payload);
    const { error } = (await answer.json()) as any;
    expect(answer.status).toBe(422);
    expect(error.details.map((detail: any) => `${detail.path.replace(/^payload\.?/, '')}: ${detail.message}`)).toEqual([problem]);
  });

  it('that is no UTF-8, no envelope, unsigned or too large is refused', async () => {
    const send = (body: Buffer | string) => fetch(service.url + path, { method: 'POST', body });
    const notUtf8 = Buffer.concat([Buffer.from('{"control_set":"baseline","document":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const refused = await send(service.envelopeAround(notUtf8));
    expect([refused.status, await refused.json()]).toMatchObject([422, { error: { details: [{ message: 'expected UTF-8' }] } }]);
    expect((await send('{"document":"a"')).status).toBe(422);
    const grant = { cost: 1, endpoint: 'e', reqnum: 1, request_idx: 1, signature: 'x', url: 'x' };
    expect((await send(JSON.stringify({ auth_data: grant, payload: { document: 'a', control_set: 'baseline' } }))).status).toBe(401);
    expect((await service.post(path, { document: 'a'.repeat(33 * 1024 * 1024), control_set: 'baseline' })).status).toBe(413);
  });

  it('never comes back in a refusal', async () => {
    const secret = policy.secrets[0]?.value as string;
    for (const payload of [
      { [secret]: 1 },
      { document: 'a', control_set: secret },
      { document: 'a', controls: [{ id: secret, requirements }] },
    ]) {
      const answer = await service.post(path, payload);
      expect(answer.status).toBe(422);
      expect(await answer.text()).not.toContain(secret);
    }
    expect(service.worker.output()).not.toContain(secret);
  });

  it('of half characters is scanned all the same, offsets as they were', async () => {
    const document = 'Logs \ud800 are monitored, and suspicious activity raises an alert.';
    const { controls } = await scan({ document, control_set: 'logging', min_score: 0, top_n: 1, return_text: true });
    expect(controls[0].evidence[0]).toMatchObject({ start: 0, end: document.length, text: document.toWellFormed() });
  });

  it('of 10,000 passages is scanned when the requirements are few', async () => {
    const passages = Array.from({ length: 10_000 }, (_, index) => (index === 9_876 ? 'Vegetarian dishes are served.' : `Chapter ${index}`));
    const controls = [{ id: 'canteen', requirements: [{ id: 'menu', text: 'Vegetarian dishes' }] }];
    const answer = await scan({ passages, controls });
    expect(answer.controls[0]).toMatchObject({ title: 'canteen', status: 'covered', evidence: [{ passage: 9_876 }] });
  });
});
