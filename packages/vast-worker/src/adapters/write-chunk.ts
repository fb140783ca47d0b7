import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/**
 * Writes one piece of an answer, after its head, in one write. Node makes four of a piece of a chunked answer: its length, a
 * line end, the bytes, a line end. Of what an event of a stream costs that is a sixth.
 * @returns whoever has to be waited for until it drains; undefined: more may come at once
 */
export function writeChunk(response: ServerResponse, bytes: Buffer): Writable | undefined {
  const { socket } = response; // none while an earlier answer on the same connection is under way
  if (!response.chunkedEncoding || !socket || socket.destroyed) return response.write(bytes) ? undefined : response;
  return bytes.length === 0 || socket.write(framed(bytes)) ? undefined : socket;
}

function framed(bytes: Buffer): Buffer {
  const size = `${bytes.length.toString(16)}\r\n`;
  const frame = Buffer.allocUnsafe(size.length + bytes.length + 2);
  frame.write(size, 'latin1');
  frame.set(bytes, size.length);
  frame.write('\r\n', frame.length - 2, 'latin1');
  return frame;
}
