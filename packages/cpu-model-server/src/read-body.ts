import type { IncomingMessage } from 'node:http';

export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/**
 * The request's body, at most `limit` bytes of it in memory. What is beyond is read and thrown away: a body left unread would block
 * the connection for the next request, and closing it could cost the client the answer.
 * @throws BodyTooLarge at once; ECONNRESET when the client leaves
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const collect = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) return void chunks.push(chunk);
      request.off('data', collect);
      chunks.length = 0;
      reject(new BodyTooLarge(`over ${limit} bytes`));
      request.resume();
    };
    request.on('data', collect);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
  });
}
