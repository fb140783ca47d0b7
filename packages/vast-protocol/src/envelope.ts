import { isUtf8 } from 'node:buffer';
import { type AuthData, authDataSchema } from './auth-data.ts';
import { findMembers, type Member } from './payload-span.ts';

/** `{ auth_data, payload, session_id? }`: the body of every routed request. */

/** Where it is wrong and what was expected; never a value that was sent. */
export interface EnvelopeProblem {
  /** `auth_data.reqnum`; empty for the body as a whole. */
  path: string;
  message: string;
}

export interface EnvelopeHead {
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

/** Levels of nesting that a body may have. */
export const defaultMaxDepth = 64;

/**
 * Reads an envelope. Refuses, without ever throwing: what is not UTF-8 or not JSON (NaN and Infinity are not JSON here,
 * though Python's decoder takes them), a key that comes twice at the top, nesting deeper than `maxDepth`, fields that
 * are missing or of another type. All problems of the fields are listed at once.
 */
export function parseEnvelope(bytes: Buffer, options: { maxDepth?: number } = {}): EnvelopeResult<Envelope> {
  const head = readHead(bytes, options.maxDepth ?? defaultMaxDepth);
  if (!head.ok) return head;
  const payload = parseJson(head.payloadBytes);
  if (payload === undefined) return notJson;
  return { ...head, payload: payload as Record<string, unknown> };
}

/**
 * As `parseEnvelope`, but leaves the payload alone: only its extent is known, and that it begins as an object. Whether
 * it is valid JSON is not checked. For large payloads that nobody but the model server reads.
 */
export function parseEnvelopeHead(bytes: Buffer, options: { maxDepth?: number } = {}): EnvelopeResult<EnvelopeHead> {
  return readHead(bytes, options.maxDepth ?? defaultMaxDepth);
}

function readHead(bytes: Buffer, maxDepth: number): EnvelopeResult<EnvelopeHead> {
  if (!isUtf8(bytes)) return refused('', 'expected UTF-8');
  const found = findMembers(bytes, maxDepth);
  if (!found.ok) return structureProblem(bytes, found.problem, maxDepth);

  let authMember: Member | undefined;
  let payloadMember: Member | undefined;
  let sessionMember: Member | undefined;
  const seen = new Set<string>();
  for (const member of found.members) {
    if (seen.has(member.key)) return refused(safeKey(member.key), 'expected the key once, found it again');
    seen.add(member.key);
    if (member.key === 'auth_data') authMember = member;
    else if (member.key === 'payload') payloadMember = member;
    else if (member.key === 'session_id') sessionMember = member;
    else if (parseJson(bytes.subarray(member.start, member.end)) === undefined) return notJson;
  }

  const problems: EnvelopeProblem[] = [];
  const authBytes = authMember && bytes.subarray(authMember.start, authMember.end);
  const auth = authBytes && parseJson(authBytes);
  if (authBytes && auth === undefined) return notJson;
  const checkedAuth = authBytes ? authDataSchema.safeParse(auth) : undefined;
  if (!checkedAuth) problems.push({ path: 'auth_data', message: 'field missing' });
  else if (!checkedAuth.success) {
    for (const issue of checkedAuth.error.issues) {
      const path = ['auth_data', ...issue.path.map(String)].join('.');
      problems.push({ path, message: isMissing(auth, issue.path) ? 'field missing' : issue.message.replace(/^Invalid input: /, '') });
    }
  }

  const sessionId = sessionMember ? parseJson(bytes.subarray(sessionMember.start, sessionMember.end)) : null;
  if (sessionId === undefined) return notJson;
  if (sessionId !== null && typeof sessionId !== 'string') problems.push({ path: 'session_id', message: 'expected a text or null' });

  const payloadBytes = payloadMember && bytes.subarray(payloadMember.start, payloadMember.end);
  if (!payloadBytes) problems.push({ path: 'payload', message: 'field missing' });
  else if (payloadBytes[0] !== 0x7b) problems.push({ path: 'payload', message: 'expected an object' });

  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    auth: checkedAuth?.data as AuthData,
    authBytes: authBytes as Buffer,
    sessionId: sessionId as string | null,
    payloadBytes: payloadBytes as Buffer,
  };
}

function structureProblem(bytes: Buffer, problem: 'not-an-object' | 'malformed' | 'too-deep', maxDepth: number): EnvelopeResult<never> {
  if (problem === 'too-deep') return refused('', `expected at most ${maxDepth} levels of nesting`);
  if (problem === 'malformed' || bytes.length > maxScalarBytes || parseJson(bytes) === undefined) return notJson;
  return refused('', 'expected an object');
}

/** Only to tell "JSON, but no object" from "no JSON": not worth parsing something large for. */
const maxScalarBytes = 1024;

const notJson: { ok: false; problems: EnvelopeProblem[] } = { ok: false, problems: [{ path: '', message: 'expected valid JSON' }] };

const refused = (path: string, message: string) => ({ ok: false as const, problems: [{ path, message }] });

/** undefined: not JSON (which has no undefined of its own). */
function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Keys of ours are named; another caller's key is his own affair. */
const safeKey = (key: string) => (['auth_data', 'payload', 'session_id'].includes(key) ? key : 'a top-level key');

function isMissing(root: unknown, path: readonly PropertyKey[]): boolean {
  const [key] = path;
  return key !== undefined && root !== null && typeof root === 'object' && !Object.hasOwn(root, key);
}
