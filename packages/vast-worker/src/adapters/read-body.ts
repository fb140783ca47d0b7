import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { WorkerError } from '../errors.ts';

const decoders = { gzip: promisify(gunzip), deflate: promisify(inflate) };

/**
 * The request's body, decoded, at most `maxBytes` of it in memory at any time.
 * @throws WorkerError BODY_TOO_LARGE (before the whole body is read), BODY_ENCODING_*, REQUEST_ABORTED
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  return encoding === undefined || encoding === 'identity' ? collect(request, maxBytes) : collectEncoded(request, maxBytes, encoding);
}

async function collectEncoded(request: IncomingMessage, maxBytes: number, encoding: string): Promise<Buffer> {
  const decode = decoders[encoding.toLowerCase() as keyof typeof decoders];
  if (!decode) throw new WorkerError('BODY_ENCODING_UNSUPPORTED', 'content-encoding');
  const encoded = await collect(request, maxBytes);
  try {
    return await decode(encoded, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new WorkerError('BODY_ENCODING_INVALID', 'the body does not decode', { cause });
  }
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length']) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let isOver = false;
    const fail = (error: WorkerError) => {
      isOver = true;
      chunks.length = 0;
      reject(error);
    };
    request.on('data', (chunk: Buffer) => {
      if (isOver) return;
      length += chunk.length;
      if (length > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (isOver) return;
      isOver = true;
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length));
    });
    // Comes after every request; an error is made only where it is one.
    request.on('close', () => {
      if (!isOver) fail(new WorkerError('REQUEST_ABORTED', 'while reading the body'));
    });
    request.on('error', (cause) => {
      if (!isOver) fail(new WorkerError('REQUEST_ABORTED', 'while reading the body', { cause }));
    });
  });
}

const tooLarge = (maxBytes: number) =>
  new WorkerError('BODY_TOO_LARGE', `over ${maxBytes} bytes`, {
    details: [{ path: '', message: `at most ${maxBytes} bytes after decoding` }],
  });
