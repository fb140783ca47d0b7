import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvelope, parseEnvelopeHead } from './envelope.ts';

const auth = { cost: 1, endpoint: 'e', reqnum: 1, request_idx: 2, signature: 'c2ln', url: 'http://a:1', __request_id: 'kept' };
const read = (body: unknown) => parseEnvelope(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const problemsOf = (body: unknown) => {
  const result = read(body);
  return result.ok ? [] : result.problems.map(({ path, message }) => `${path}: ${message}`);
};

describe('envelope', () => {
  it('gives the grant with every key of it, and the payload with its bytes', () => {
    const result = read(`{"auth_data":${JSON.stringify(auth)},"payload": {"seed": 12345678901234567890, "t": 1.0} , "later": [1]}`);
    expect(result).toMatchObject({ ok: true, auth, sessionId: null });
    expect(result.ok && result.payloadBytes.toString()).toBe('{"seed": 12345678901234567890, "t": 1.0}');
  });

  it('takes an absent session for none, and an empty one for a session', () => {
    expect(read({ auth_data: auth, payload: {} })).toMatchObject({ sessionId: null });
    expect(read({ auth_data: auth, payload: {}, session_id: null })).toMatchObject({ sessionId: null });
    expect(read({ auth_data: auth, payload: {}, session_id: '' })).toMatchObject({ sessionId: '' });
  });

  it.each([
    ['nothing', '', [': expected valid JSON']],
    ['no JSON', 'hello', [': expected valid JSON']],
    ['half of it', '{"auth_data":', [': expected valid JSON']],
    ['NaN, which Python takes', `{"auth_data":${JSON.stringify(auth)},"payload":{"a":NaN}}`, [': expected valid JSON']],
    ['rubbish in a member nobody reads', `{"auth_data":${JSON.stringify(auth)},"payload":{},"x":tru}`, [': expected valid JSON']],
    ['null', 'null', [': expected an object']],
    ['a text', '"a"', [': expected an object']],
    ['a list', '[]', [': expected an object']],
    ['an empty object', {}, ['auth_data: field missing', 'payload: field missing']],
    ['a grant that is null', { auth_data: null, payload: {} }, ['auth_data: expected object, received null']],
    ['a grant that is a list', { auth_data: [], payload: {} }, ['auth_data: expected object, received array']],
    ['a payload that is a list', { auth_data: auth, payload: [1] }, ['payload: expected an object']],
    ['a session that is an object', { auth_data: auth, payload: {}, session_id: {} }, ['session_id: expected a text or null']],
    [
      'the payload twice',
      `{"auth_data":${JSON.stringify(auth)},"payload":{"a":1},"payl\\u006fad":{"a":2}}`,
      ['payload: expected each key once, found one again'],
    ],
    ['another key twice', `{"auth_data":${JSON.stringify(auth)},"payload":{},"x":1,"x":1}`, [': expected each key once, found one again']],
    ['a line break inside a key', `{"auth_data":${JSON.stringify(auth)},"payload":{},"a\nb":1}`, [': expected valid JSON']],
    [
      'a cost beyond all numbers',
      `{"auth_data":${JSON.stringify(auth).replace(':1,', ':1e400,')},"payload":{}}`,
      ['auth_data.cost: expected number, received Infinity'],
    ],
    [
      'an empty signature',
      { auth_data: { ...auth, signature: '' }, payload: {} },
      ['auth_data.signature: expected string to have >=1 characters'],
    ],
    [
      'several things at once',
      { auth_data: { ...auth, url: 1 }, payload: 'a', session_id: 7 },
      ['auth_data.url: expected string, received number', 'session_id: expected a text or null', 'payload: expected an object'],
    ],
    ['text after the end', `{"auth_data":${JSON.stringify(auth)},"payload":{}} {}`, [': expected valid JSON']],
    ['a byte order mark', `\ufeff{"auth_data":${JSON.stringify(auth)},"payload":{}}`, [': expected valid JSON']],
  ])('refuses %s', (_, body, problems) => {
    expect(problemsOf(body)).toEqual(problems);
  });

  it('names every field of the grant that is missing or wrong, at once', () => {
    expect(problemsOf({ auth_data: { reqnum: 1.5, signature: 7 }, payload: {} })).toEqual([
      'auth_data.cost: field missing',
      'auth_data.endpoint: field missing',
      'auth_data.reqnum: expected int, received number',
      'auth_data.request_idx: field missing',
      'auth_data.signature: expected string, received number',
      'auth_data.url: field missing',
    ]);
  });

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from(`{"auth_data":${JSON.stringify(auth)},"payload":{"a":"`),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}}'),
    ]);
    expect(parseEnvelope(bytes)).toEqual({ ok: false, problems: [{ path: '', message: 'expected UTF-8' }] });
  });

  it('refuses 10,000 levels of nesting', () => {
    const deep = `{"auth_data":${JSON.stringify(auth)},"payload":{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`;
    expect(problemsOf(deep)).toEqual([': expected at most 64 levels of nesting']);
  });

  it('is not led astray by __proto__', () => {
    const result = read(`{"auth_data":${JSON.stringify(auth)},"payload":{"__proto__":{"x":1}},"__proto__":{"payload":{}}}`);
    expect(result.ok && Object.getPrototypeOf(result.payload)).toBe(Object.prototype);
  });

  it('keeps the whole grant, whatever it holds: sessions compare it', () => {
    const grant = `{"__proto__":{"admin":true},"nested":{"a":[1.0]},${JSON.stringify(auth).slice(1)}`;
    const result = read(`{"auth_data":${grant},"payload":{}}`);
    expect(result.ok && JSON.stringify(result.auth)).toBe(JSON.stringify(JSON.parse(grant)));
    expect(result.ok && result.authBytes.toString()).toBe(grant);
    expect(result.ok && 'admin' in result.auth).toBe(false);
  });

  it('gives the payload as a view of the body, not a copy', () => {
    const bytes = Buffer.from(JSON.stringify({ auth_data: auth, payload: { a: 1 } }));
    const result = parseEnvelope(bytes);
    expect(result.ok && result.payloadBytes.buffer === bytes.buffer).toBe(true);
  });

  it('counts depth from the body itself', () => {
    const nested = (levels: number) =>
      Buffer.from(`{"auth_data":${JSON.stringify(auth)},"payload":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`);
    expect(parseEnvelope(nested(62)).ok).toBe(true);
    expect(parseEnvelope(nested(63)).ok).toBe(false);
    expect(parseEnvelope(nested(2), { maxDepth: 4 }).ok).toBe(true);
    expect(parseEnvelope(nested(3), { maxDepth: 4 }).ok).toBe(false);
  });

  it('never quotes what was sent', () => {
    const secret = 'hunter2';
    expect(
      JSON.stringify(read({ auth_data: { ...auth, reqnum: secret, url: 1 }, payload: secret, session_id: [secret], [secret]: 1 })),
    ).not.toContain(secret);
  });

  it('reads the payload as JSON.parse does, from the very bytes that were sent', () => {
    const blanks = fc.constantFrom('', ' ', '\n\t', '\r\n  ');
    const value = fc.oneof(fc.json({ stringUnit: 'binary' }), fc.constantFrom('1.0', '1e400', '12345678901234567890', '"}\\"{\\\\"'));
    const payload = fc
      .array(
        fc.tuple(
          fc.string().map((key) => JSON.stringify(key)),
          value,
        ),
      )
      .map((members) => `{${members.map(([key, text]) => `${key} : ${text}`).join(' ,')}}`);
    fc.assert(
      fc.property(payload, blanks, (text, blank) => {
        const body = `${blank}{${blank}"payload"${blank}:${blank}${text}${blank},"auth_data":${JSON.stringify(auth)}${blank}}${blank}`;
        const result = parseEnvelope(Buffer.from(body), { maxDepth: 1000 });
        expect(result.ok && result.payloadBytes.toString()).toBe(text);
        expect(result.ok && result.payload).toEqual((JSON.parse(body) as { payload: unknown }).payload);
      }),
    );
  });

  it('takes nothing that JSON.parse refuses, and never throws, whatever happens to the bytes', () => {
    const whole = Buffer.from(`{"auth_data": ${JSON.stringify(auth)}, "payload": {"a": [1, "\\"}é", null]}, "x": [{}], "session_id": "s"}`);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.oneof(fc.constantFrom(...Buffer.from('"\\{}[],: \n01e.')), fc.nat(255)));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(whole.length), (changes, cut) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        for (const body of [bytes, bytes.subarray(0, cut), Buffer.concat([bytes, bytes.subarray(0, cut)])]) {
          const result = parseEnvelope(body);
          if (result.ok) expect(JSON.parse(body.toString())).toMatchObject({ payload: result.payload });
          if (parseEnvelopeHead(body).ok !== result.ok) expect(result.ok).toBe(false);
        }
      }),
      { numRuns: 3000 },
    );
    expect(parseEnvelope(whole).ok).toBe(true); // the control
  });

  it('never throws on rubbish', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(parseEnvelope(Buffer.from(bytes)).ok).toBe(false);
          expect(parseEnvelopeHead(Buffer.from(bytes)).ok).toBe(false);
        },
      ),
    );
  });

  it('can leave the payload unread', () => {
    const bytes = Buffer.from(`{"payload":{"a": not JSON},"auth_data":${JSON.stringify(auth)}}`);
    expect(parseEnvelope(bytes).ok).toBe(false);
    const head = parseEnvelopeHead(bytes);
    expect(head.ok && head.payloadBytes.toString()).toBe('{"a": not JSON}');
  });
});
