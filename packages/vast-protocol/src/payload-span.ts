/**
 * Where the top-level members of a JSON object are, in bytes, so that a proxy can forward a member exactly as it came.
 * It finds spans and refuses deep nesting; whether each span is valid JSON is for JSON.parse to say.
 */

/** `start` is the first byte of the value, `end` the byte after its last. */
export interface Member {
  key: string;
  start: number;
  end: number;
}

export type MembersResult = { ok: true; members: Member[] } | { ok: false; problem: 'not-an-object' | 'malformed' | 'too-deep' };

/** Levels of nesting that a body may have, unless its reader says otherwise. */
export const defaultMaxDepth = 64;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const malformed: MembersResult = { ok: false, problem: 'malformed' };

/** @param maxDepth levels of nesting, the object itself included */
export function findMembers(bytes: Buffer, maxDepth: number): MembersResult {
  let at = skipBlanks(bytes, 0);
  if (bytes[at] !== openBrace) return { ok: false, problem: 'not-an-object' };
  if (maxDepth < 1) return { ok: false, problem: 'too-deep' };
  const members: Member[] = [];
  at = skipBlanks(bytes, at + 1);
  if (bytes[at] === closeBrace) return endsAfter(bytes, at) ? { ok: true, members } : malformed;
  for (;;) {
    if (bytes[at] !== quote) return malformed;
    const keyEnd = endOfString(bytes, at);
    if (keyEnd === -1) return malformed;
    const key = decodeKey(bytes, at, keyEnd);
    if (key === undefined) return malformed;
    at = skipBlanks(bytes, keyEnd);
    if (bytes[at] !== colon) return malformed;
    const start = skipBlanks(bytes, at + 1);
    const end = endOfValue(bytes, start, maxDepth - 1);
    if (end === tooDeep) return { ok: false, problem: 'too-deep' };
    if (end <= start) return malformed;
    members.push({ key, start, end });
    at = skipBlanks(bytes, end);
    if (bytes[at] === closeBrace) return endsAfter(bytes, at) ? { ok: true, members } : malformed;
    if (bytes[at] !== comma) return malformed;
    at = skipBlanks(bytes, at + 1);
  }
}

const tooDeep = -2;

/** @returns the index after the value, -1 when it does not end, `tooDeep` */
function endOfValue(bytes: Buffer, start: number, depthLeft: number): number {
  const first = bytes[start];
  if (first === quote) return endOfString(bytes, start);
  if (first !== openBrace && first !== openBracket) return endOfScalar(bytes, start);
  const length = bytes.length;
  let depth = 0;
  let at = start;
  while (at < length) {
    const byte = bytes[at] as number;
    if (byte < openBracket) {
      // Digits, commas, colons, blanks: most of what stands between strings.
      if (byte !== quote) {
        at += 1;
        continue;
      }
      at = endOfString(bytes, at);
      if (at === -1) return -1;
      continue;
    }
    if (byte === openBrace || byte === openBracket) {
      depth += 1;
      if (depth > depthLeft) return tooDeep;
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  return -1;
}

/** A number, true, false or null: up to the next delimiter. */
function endOfScalar(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length) {
    const byte = bytes[at] as number;
    if (byte === comma || byte === closeBrace || byte === closeBracket || isBlank(byte)) break;
    at += 1;
  }
  return at;
}

/**
 * The call of the native search costs as much as looking at some dozens of bytes, so the start of a string, and what
 * follows an escaped quote, is looked at here.
 */
const lookedAtHere = 48;

/** @returns the index after the closing quote, -1 when there is none */
function endOfString(bytes: Buffer, start: number): number {
  const length = bytes.length;
  let at = start + 1;
  for (;;) {
    const until = Math.min(at + lookedAtHere, length);
    while (at < until) {
      const byte = bytes[at] as number;
      if (byte === quote) return at + 1;
      at += byte === backslash ? 2 : 1;
    }
    const found = at < length ? bytes.indexOf(quote, at) : -1;
    if (found === -1) return -1;
    if (!isEscaped(bytes, found, at)) return found + 1;
    at = found + 1;
  }
}

/** A quote after an odd run of backslashes is escaped. `from`: where the run begins at the earliest. */
function isEscaped(bytes: Buffer, at: number, from: number): boolean {
  let run = at;
  while (run > from && bytes[run - 1] === backslash) run -= 1;
  return (at - run) % 2 === 1;
}

/** Keys are compared as JSON means them: `"payl\u006fad"` is `payload`. undefined: not a JSON string. */
function decodeKey(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as string;
  } catch {
    return undefined;
  }
}

const isBlank = (byte: number | undefined) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipBlanks(bytes: Buffer, from: number): number {
  let at = from;
  while (isBlank(bytes[at])) at += 1;
  return at;
}

/** Nothing but blanks after the closing brace. */
const endsAfter = (bytes: Buffer, at: number) => skipBlanks(bytes, at + 1) === bytes.length;
