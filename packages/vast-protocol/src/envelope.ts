import { isUtf8 } from 'node:buffer';
import { type AuthData, authDataSchema } from './auth-data.ts';
import { defaultMaxDepth, findMembers, type Member } from './payload-span.ts';

/** `{ auth_data, payload, session_id? }`: the body of every routed request. */

/** Where it is wrong and what was expected; never a value that was sent. */
export interface EnvelopeProblem {
  /** `auth_data.reqnum`; empty for the body as a whole. */
  path: string;
  message: string;
}

export interface EnvelopeHead {
  /** As it came, unknown keys included: a session is recognised by the whole object. */
  auth: AuthData;
  /** The bytes of `auth_data` as they came: some signature forms cover the text of its numbers. */
  authBytes: Buffer;
  /** null when absent. An empty text is a session like any other, and unknown. */
  sessionId: string | null;
  /** The bytes of `payload` as they came. A view, not a copy. */
  payloadBytes: Buffer;
}

export interface Envelope extends EnvelopeHead {
  payload: Record<string, unknown>;
}

export type EnvelopeResult<Shape> = ({ ok: true } & Shape) | { ok: false; problems: EnvelopeProblem[] };

/**
 * Reads an envelope. Refuses, without ever throwing: what is not UTF-8 or not JSON (NaN and Infinity are not JSON here,
 * though Python's decoder takes them), a key that comes twice at the top, nesting deeper than `maxDepth`, fields that
 * are missing or of another type. All problems of the fields are listed at once.
 */
export function parseEnvelope(bytes: Buffer, options: { maxDepth?: number } = {}): EnvelopeResult<Envelope> {
  const head = readHead(bytes, options.maxDepth ?? defaultMaxDepth);
  if (!head.ok) return head;
  const payload = parseJson(head.payloadBytes);
  if (payload === undefined) return notJson();
  return { ...head, payload: payload as Record<string, unknown> };
}

/**
 * As `parseEnvelope`, but leaves the payload alone, for large ones that nobody but the model server reads. Checked: that it
 * begins with a brace, ends where its brackets balance, and is UTF-8 within `maxDepth`. Not checked: that what stands
 * between is JSON, nor that each bracket is closed by its own kind.
 */
export function parseEnvelopeHead(bytes: Buffer, options: { maxDepth?: number } = {}): EnvelopeResult<EnvelopeHead> {
  return readHead(bytes, options.maxDepth ?? defaultMaxDepth);
}

function readHead(bytes: Buffer, maxDepth: number): EnvelopeResult<EnvelopeHead> {
  if (!isUtf8(bytes)) return refused('', 'expected UTF-8');
  const found = findMembers(bytes, maxDepth);
  if (!found.ok) return structureProblem(bytes, found.problem, maxDepth);
  const repeated = repeatedKey(found.members);
  if (repeated !== undefined) return refused(isOurs(repeated) ? repeated : '', 'expected each key once, found one again');

  let authBytes: Buffer | undefined;
  let payloadBytes: Buffer | undefined;
  let auth: unknown;
  let sessionId: unknown = null;
  for (const { key, start, end } of found.members) {
    const valueBytes = bytes.subarray(start, end);
    if (key === 'payload') {
      payloadBytes = valueBytes;
      continue;
    }
    const value = parseJson(valueBytes); // members that nobody reads must be JSON too
    if (value === undefined) return notJson();
    if (key === 'auth_data') [auth, authBytes] = [value, valueBytes];
    else if (key === 'session_id') sessionId = value;
  }

  if (authBytes && payloadBytes?.[0] === openBrace && isSessionId(sessionId) && authDataSchema.safeParse(auth).success) {
    return { ok: true, auth: auth as AuthData, authBytes, sessionId, payloadBytes };
  }
  return { ok: false, problems: [...authProblems(auth), ...sessionProblems(sessionId), ...payloadProblems(payloadBytes)] };
}

/** Decoders disagree on which of two equal keys counts: what one checks, another might not read. */
function repeatedKey(members: readonly Member[]): string | undefined {
  const seen = new Set<string>();
  for (const { key } of members) {
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}

/** Keys of ours are named; another key is the caller's own word. */
const isOurs = (key: string) => key === 'auth_data' || key === 'payload' || key === 'session_id';

const isSessionId = (value: unknown): value is string | null => value === null || typeof value === 'string';

function authProblems(auth: unknown): EnvelopeProblem[] {
  if (auth === undefined) return [{ path: 'auth_data', message: 'field missing' }];
  const issues = authDataSchema.safeParse(auth).error?.issues ?? [];
  return issues.map(({ path, message }) => ({
    path: ['auth_data', ...path.map(String)].join('.'),
    message: isMissing(auth, path) ? 'field missing' : message.replace(/^(Invalid input|Too small|Too big): /, ''),
  }));
}

const sessionProblems = (sessionId: unknown): EnvelopeProblem[] =>
  isSessionId(sessionId) ? [] : [{ path: 'session_id', message: 'expected a text or null' }];

function payloadProblems(payloadBytes: Buffer | undefined): EnvelopeProblem[] {
  if (!payloadBytes) return [{ path: 'payload', message: 'field missing' }];
  return payloadBytes[0] === openBrace ? [] : [{ path: 'payload', message: 'expected an object' }];
}

const openBrace = 0x7b;

function structureProblem(bytes: Buffer, problem: 'not-an-object' | 'malformed' | 'too-deep', maxDepth: number): EnvelopeResult<never> {
  if (problem === 'too-deep') return refused('', `expected at most ${maxDepth} levels of nesting`);
  if (problem === 'malformed' || bytes.length > maxScalarBytes || parseJson(bytes) === undefined) return notJson();
  return refused('', 'expected an object');
}

/** Only to tell "JSON, but no object" from "no JSON": not worth parsing something large for. */
const maxScalarBytes = 1024;

const notJson = () => refused('', 'expected valid JSON');

const refused = (path: string, message: string) => ({ ok: false as const, problems: [{ path, message }] });

/** undefined: not JSON (which has no undefined of its own). */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

function isMissing(root: unknown, path: readonly PropertyKey[]): boolean {
  const [key] = path;
  return key !== undefined && root !== null && typeof root === 'object' && !Object.hasOwn(root, key);
}
