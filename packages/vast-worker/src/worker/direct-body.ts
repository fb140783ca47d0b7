import { isUtf8 } from 'node:buffer';
import { type EnvelopeHead, findMembers } from '@bluefly/vast-protocol';
import { WorkerError } from '../errors.ts';
import type { Payload } from './handler-config.ts';

/** The plain body of the model's own API, in the place of an envelope. */
export interface PlainBody {
  auth: undefined;
  authBytes: undefined;
  sessionId: null;
  /** All of it, as it came. */
  payloadBytes: EnvelopeHead['payloadBytes'];
  payload: Payload;
}

/**
 * @returns undefined when there is an `auth_data` at the top: then it is an envelope and nothing else
 * @throws WorkerError PAYLOAD_INVALID
 */
export function readPlainBody(body: Buffer, maxDepth: number): PlainBody | undefined {
  if (!isUtf8(body)) throw invalid('expected UTF-8');
  const found = findMembers(body, maxDepth);
  if (!found.ok) {
    throw invalid(found.problem === 'too-deep' ? `expected at most ${maxDepth} levels of nesting` : 'expected a JSON object');
  }
  if (found.members.some(({ key }) => key === 'auth_data')) return undefined;
  return { auth: undefined, authBytes: undefined, sessionId: null, payloadBytes: body, payload: parse(body) };
}

function parse(body: Buffer): Payload {
  try {
    return JSON.parse(body.toString()) as Payload;
  } catch {
    throw invalid('expected a JSON object');
  }
}

const invalid = (message: string) => new WorkerError('PAYLOAD_INVALID', message, { details: [{ path: '', message }] });
