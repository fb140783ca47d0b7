import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a caller may name a request: short, and nothing that could break out of a header or a log line. */
const acceptable = /^[\w.:-]{1,128}$/;

/** @returns the caller's `x-request-id` when it is fit to repeat, else one that no other request has */
export function createRequestIds(): (request: IncomingMessage) => string {
  const prefix = randomBytes(6).toString('hex');
  let count = 0;
  return ({ headers }) => {
    const given = headers['x-request-id'];
    if (typeof given === 'string' && acceptable.test(given)) return given;
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
