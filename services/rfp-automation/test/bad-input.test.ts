import { type Rig, startRig } from '@bluefly/vast-worker/testing';
import { describe, expect, it } from 'vitest';
import { createHandlers } from '../src/handlers.ts';
import { maxDocumentBytes } from '../src/requirements-request.ts';

const untouched = { received: 0, served: 0, errored: 0, cancelled: 0, rejected: 0, open: 0 };

async function start(): Promise<Rig> {
  const rig = await startRig({
    handlers: createHandlers({ method: 'rules', workloadUnit: 'max_tokens' }),
    env: { MAX_BODY_BYTES: '6000000' },
  });
  rig.model.forget();
  return rig;
}

describe('bad input to /v1/rfp/requirements', () => {
  it('is refused with what was expected and where, quotes nothing, and moves no book', async () => {
    await using rig = await start();
    const cases: [string, Record<string, unknown>, string, string][] = [
      ['nothing', {}, 'payload.document', 'expected the text of the document'],
      ['no text', { document: 7 }, 'payload.document', 'expected the text of the document'],
      ['a huge list', { document: Array.from({ length: 200_000 }, () => 'a') }, 'payload.document', 'expected the text of the document'],
      ['an empty text', { document: '' }, 'payload.document', 'expected a text that is not empty'],
      ['blanks', { document: ' \n\t ' }, 'payload.document', 'expected a text that is not empty'],
      ['half a character', { document: 'a \ud800 b' }, 'payload.document', 'expected well-formed Unicode, found half of a surrogate pair'],
      ['too many letters', { document: 'x'.repeat(maxDocumentBytes + 1) }, 'payload.document', 'expected at most 2000000 bytes of UTF-8'],
      [
        'too many bytes',
        { document: '日'.repeat(maxDocumentBytes / 3 + 1) },
        'payload.document',
        'expected at most 2000000 bytes of UTF-8',
      ],
      ['a wrong switch', { document: 'a', stream: 'yes' }, 'payload.stream', 'expected true or false'],
      ['another dialect', { document: 'a', messages: [] }, 'payload', 'expected no keys but document and stream'],
      ['a secret key', { document: 'a', SECRET: 'SECRET' }, 'payload', 'expected no keys but document and stream'],
    ];
    for (const [what, payload, path, message] of cases) {
      const reply = await rig.post('/v1/rfp/requirements', payload);
      const { code, details } = reply.json().error;
      expect({ what, status: reply.status, code, details }).toEqual({
        what,
        status: 422,
        code: 'PAYLOAD_INVALID',
        details: [{ path, message }],
      });
      expect(reply.text).not.toContain('SECRET');
    }
    expect((await rig.health()).workload).toEqual(untouched);
    expect(rig.model.requests).toEqual([]);
  });

  it('takes a document of just the limit', async () => {
    await using rig = await start();
    const sentence = 'The vendor shall act. ';
    const document = sentence + 'X'.repeat(maxDocumentBytes - sentence.length);
    const reply = await rig.post('/v1/rfp/requirements', { document });
    expect([reply.status, reply.json().requirements.length]).toEqual([200, 1]);
  });
});

describe.each(['/v1/completions', '/v1/chat/completions', '/v1/rfp/requirements'])('bad input to %s', (route) => {
  it('is refused before it is read', async () => {
    await using rig = await start();
    const grant = JSON.stringify(rig.grant());
    const cases: [string, string | Buffer, number, string][] = [
      ['nothing', '', 422, 'ENVELOPE_INVALID'],
      ['no JSON', 'hello', 422, 'ENVELOPE_INVALID'],
      ['no envelope', '{"prompt":"a"}', 422, 'ENVELOPE_INVALID'],
      ['a list', `{"auth_data":${grant},"payload":[]}`, 422, 'ENVELOPE_INVALID'],
      [
        'invalid UTF-8',
        Buffer.concat([Buffer.from(`{"auth_data":${grant},"payload":{"document":"`), Buffer.from([0xff]), Buffer.from('"}}')]),
        422,
        'ENVELOPE_INVALID',
      ],
      ['deep nesting', `{"auth_data":${grant},"payload":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`, 422, 'ENVELOPE_INVALID'],
      ['too long a body', `{"auth_data":${grant},"payload":{"prompt":"${'x'.repeat(6_000_000)}"}}`, 413, 'BODY_TOO_LARGE'],
    ];
    for (const [what, body, status, code] of cases) {
      const reply = await rig.send(route, body);
      expect({ what, status: reply.status, code: reply.json().error.code }).toEqual({ what, status, code });
    }
    expect((await rig.health()).workload).toEqual(untouched);
    expect(rig.model.requests).toEqual([]);
  });
});

describe('odd input to completions', () => {
  it('is counted as what it may cost, and left to the model server to judge', async () => {
    await using rig = await start();
    const cost = async (route: string, payload: Record<string, unknown>) => {
      const before = (await rig.health()).workload.served;
      expect((await rig.post(route, payload)).status).toBe(200); // the fake takes anything
      return (await rig.health()).workload.served - before;
    };
    const prompts = Array.from({ length: 100_000 }, () => 'a');
    expect(await cost('/v1/completions', { prompt: prompts, max_tokens: 2 })).toBe(200_000);
    expect(await cost('/v1/completions', { prompt: [1, 2, 3], max_tokens: 2 })).toBe(2);
    expect(await cost('/v1/completions', { prompt: 'a', max_tokens: -1, n: 'many' })).toBe(256);
    expect(await cost('/v1/completions', { prompt: 'a', max_tokens: 1e300 })).toBe(1e9);
    expect(await cost('/v1/chat/completions', { messages: 'hello' })).toBe(256);
    expect(await cost('/v1/chat/completions', {})).toBe(256);
  });
});
