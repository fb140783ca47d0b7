import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * The stub model server, as a process of its own: answers as the payload's first member `what` asks, and does next to no
 * work, so that what is measured is the worker. Times are of the monotonic clock, which all processes share.
 */

/** Told to the parent: the port, and on demand when each held request was given up. */
export type ModelServerMessage = { type: 'port'; port: number } | { type: 'aborts'; abortedAt: Record<string, number> };

const eventIntervalMs = Number(process.env.EVENT_INTERVAL_MS ?? '25');
const small = jsonOf(8 * 1024);
const large = jsonOf(1024 * 1024);
let abortedAt: Record<string, number> = {};

const server = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.end();
    return;
  }
  let head: Buffer | undefined;
  request.on('data', (chunk: Buffer) => {
    head ??= chunk;
  });
  request.on('end', () => answer((head ?? Buffer.alloc(0)).toString('latin1', 0, 64), request, response));
});
server.keepAliveTimeout = 60_000;

function answer(head: string, request: IncomingMessage, response: ServerResponse): void {
  const [, what, figure = ''] = /^\{"what": ?"(\w+)(?:-(\w+))?"/.exec(head) ?? [];
  switch (what) {
    case 'large':
      return sendJson(response, large);
    case 'stream':
      return stream(response, Number(figure));
    case 'hold':
      request.socket.once('close', () => {
        abortedAt[figure] = performance.timeOrigin + performance.now();
      });
      return;
    default:
      return sendJson(response, small);
  }
}

function sendJson(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

/**
 * Each event says when it was written. Due times are counted from the stream's own begin: intervals that once ran late in
 * one tick would run together ever after, and each stream would wait for hundreds of others.
 */
function stream(response: ServerResponse, events: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  const { socket } = response;
  if (!socket) return;
  const beganAt = performance.now();
  let sent = 0;
  let timer: NodeJS.Timeout | undefined;
  response.once('close', () => clearTimeout(timer));
  send();

  function send(): void {
    if (sent === events) {
      response.end('data: [DONE]\n\n');
      return;
    }
    sent += 1;
    const event = `data: {"at":${(performance.timeOrigin + performance.now()).toFixed(3)},"text":"${' token'.repeat(20)}"}\n\n`;
    socket?.write(`${event.length.toString(16)}\r\n${event}\r\n`, 'latin1'); // in one write: Node's own chunks are four, and take a core at 500 streams
    timer = setTimeout(send, Math.max(0, beganAt + sent * eventIntervalMs - performance.now()));
  }
}

function jsonOf(bytes: number): Buffer {
  const open = '{"data":"';
  return Buffer.from(`${open}${'0.0123456789 '.repeat(bytes / 8).slice(0, bytes - open.length - 2)}"}`);
}

/** Some are never seen: what the official worker does not pass on. */
const abortsTimeoutMs = 5_000;

process.on('message', ({ count }: { count: number }) => {
  const startedAt = performance.now();
  const look = setInterval(() => {
    if (Object.keys(abortedAt).length < count && performance.now() - startedAt < abortsTimeoutMs) return;
    clearInterval(look);
    process.send?.({ type: 'aborts', abortedAt } satisfies ModelServerMessage);
    abortedAt = {};
  }, 10);
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'port', port: (server.address() as AddressInfo).port } satisfies ModelServerMessage);
});
