import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import vectors from '../test-vectors/python-json.json' with { type: 'json' };
import { pythonFloat, pythonString } from './python-json.ts';

/** Python's rules, code unit by code unit: as the specification lists them, and slow. */
function bySpecification(text: string): string {
  const named: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' };
  let result = '"';
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    const character = text[index] as string;
    if (named[character]) result += named[character];
    else if (unit < 0x20 || unit >= 0x7f) result += `\\u${unit.toString(16).padStart(4, '0')}`;
    else result += character;
  }
  return `${result}"`;
}

describe('text as Python writes it', () => {
  it.each([
    ['é', '"\\u00e9"'],
    ['\u007f', '"\\u007f"'],
    ['\u0000\u001f', '"\\u0000\\u001f"'],
    ['\n\r\t\b\f"\\', '"\\n\\r\\t\\b\\f\\"\\\\"'],
    ['😀', '"\\ud83d\\ude00"'],
    ['\ud83d', '"\\ud83d"'],
    ['a/b', '"a/b"'],
    ['\u2028', '"\\u2028"'],
  ])('%j', (text, written) => {
    expect(pythonString(text)).toBe(written);
  });

  it('follows the rules for any text: control characters, non-ASCII, pairs and lone surrogates', () => {
    const anyUnit = fc.oneof(
      fc.integer({ min: 0, max: 0x7f }),
      fc.integer({ min: 0x80, max: 0xffff }),
      fc.integer({ min: 0xd800, max: 0xdfff }),
    );
    const anyText = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(anyUnit).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(pythonString(text)).toBe(bySpecification(text));
        expect(JSON.parse(pythonString(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('numbers as Python writes floats', () => {
  it.each([
    [242, '242.0'],
    [0, '0.0'],
    [0.5, '0.5'],
    [1e16, '1e+16'],
    [1.5e-7, '1.5e-07'],
    [123456789012, '123456789012.0'],
  ])('%d → %s', (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });
});

describe('as CPython wrote it', () => {
  it.each(vectors.strings)('text %j', (text, written) => {
    expect(pythonString(text as string)).toBe(written);
  });

  it('floats, from the smallest to the largest', () => {
    const ours = vectors.floats.map(([hex]) => [hex, pythonFloat(Buffer.from(hex as string, 'hex').readDoubleBE())]);
    expect(ours).toEqual(vectors.floats);
  });
});
