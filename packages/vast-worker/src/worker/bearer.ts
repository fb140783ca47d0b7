import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether the header shows this token. Takes the same time whatever is shown; an empty token is shown by nobody. */
export function showsBearer(authorization: string | undefined, token: string): boolean {
  const shown = authorization?.replace(/^Bearer /, '') ?? '';
  return token !== '' && timingSafeEqual(digest(shown), digest(token));
}

/** Of equal length, whatever was shown. */
const digest = (text: string) => createHash('sha256').update(text).digest();
