import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findMembers } from './payload-span.ts';

const find = (text: string, depth = 64) => findMembers(Buffer.from(text), depth);

describe('member spans', () => {
  it('finds each member and its exact bytes', () => {
    const text = ' {"a" : {"x":"}\\"{" } ,"b":[1.0, 1e400],\n"c":"é" } ';
    const found = find(text);
    const slices = found.ok ? found.members.map(({ key, start, end }) => [key, Buffer.from(text).toString('utf8', start, end)]) : [];
    expect(slices).toEqual([
      ['a', '{"x":"}\\"{" }'],
      ['b', '[1.0, 1e400]'],
      ['c', '"é"'],
    ]);
  });

  it('reads keys as JSON means them', () => {
    expect(find('{"payl\\u006fad":1}')).toMatchObject({ ok: true, members: [{ key: 'payload' }] });
  });

  it.each([
    ['', 'not-an-object'],
    ['[1]', 'not-an-object'],
    ['null', 'not-an-object'],
    ['{', 'malformed'],
    ['{"a"', 'malformed'],
    ['{"a":}', 'malformed'],
    ['{"a":1', 'malformed'],
    ['{"a":1,}', 'malformed'],
    ['{"a":1} x', 'malformed'],
    ['{"a":"\\"}', 'malformed'],
    ['{a:1}', 'malformed'],
  ])('%j is %s', (text, problem) => {
    expect(find(text)).toEqual({ ok: false, problem });
  });

  it('refuses nesting beyond the limit, and takes what is at it', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(find(nested(9), 10).ok).toBe(true);
    expect(find(nested(10), 10)).toEqual({ ok: false, problem: 'too-deep' });
    expect(find(`{"a":${'['.repeat(100_000)}`, 64)).toEqual({ ok: false, problem: 'too-deep' });
  });

  it.each([46, 47, 48, 49, 50, 96, 97])('finds the end of a text of %d characters, escaped quotes wherever they fall', (length) => {
    for (let at = 0; at < length; at += 1) {
      for (const inner of ['"', '\\', '\\"', '"\\', 'é']) {
        const json = JSON.stringify('x'.repeat(at) + inner + 'x'.repeat(length - at));
        const text = `{"a":${json},"b":[${json}]}`;
        expect(find(text)).toEqual({
          ok: true,
          members: [
            { key: 'a', start: 5, end: 5 + Buffer.byteLength(json) },
            { key: 'b', start: 10 + Buffer.byteLength(json), end: Buffer.byteLength(text) - 1 },
          ],
        });
      }
    }
  });

  it('looks at each byte a bounded number of times: a megabyte of escapes takes no longer than its length', () => {
    for (const inner of ['\\'.repeat(500_000), '"'.repeat(500_000), `${'x'.repeat(60)}"`.repeat(15_000)]) {
      expect(find(`{"a":${JSON.stringify(inner)}}`).ok).toBe(true);
    }
  });

  it('cuts out exactly what was put in, whatever it is', () => {
    const blanks = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');
    const number = fc.constantFrom('1.0', '1e400', '12345678901234567890', '-0', '0.1e-7');
    const value = fc.oneof(
      fc.json(),
      fc.json({ stringUnit: 'binary' }),
      number,
      fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text.toWellFormed())),
    );
    const key = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(key, value, blanks), { selector: ([name]) => name, maxLength: 6 }), blanks, (members, blank) => {
        const text = `${blank}{${members.map(([name, json, space]) => `${space}${JSON.stringify(name)}${space}:${space}${json}${space}`).join(',')}${blank}}${blank}`;
        const bytes = Buffer.from(text);
        const found = findMembers(bytes, 1000);
        expect(found.ok && found.members.map(({ key: name, start, end }) => [name, bytes.toString('utf8', start, end)])).toEqual(
          members.map(([name, json]) => [name, json]),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with JSON.parse wherever JSON.parse accepts, and never throws on what it refuses', () => {
    const mutated = fc
      .tuple(
        fc.json(),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', ' ', 'a', '1')), { maxLength: 4 }),
      )
      .map(([json, changes]) =>
        changes.reduce((text, [at, mark]) => text.slice(0, at % (text.length + 1)) + mark + text.slice(at % (text.length + 1)), json),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          mutated.map((text) => `{"p":${text}}`),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          const bytes = Buffer.from(text);
          const found = findMembers(bytes, 1000);
          const parsed = parse(bytes.toString());
          if (parsed === undefined) return;
          const isObject = parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed);
          expect(found.ok).toBe(isObject);
          if (!found.ok) return;
          const last = new Map(
            found.members.map(({ key, start, end }) => [key, JSON.parse(bytes.toString('utf8', start, end)) as unknown]),
          );
          expect(last).toEqual(new Map(Object.entries(parsed as object)));
        },
      ),
      { numRuns: 3000 },
    );
  });
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
