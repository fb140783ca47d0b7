import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { Waiters } from '../testing/fake-server.ts';
import { ModelServerPool, type ModelServerPoolOptions } from './model-server-pool.ts';

/** A server of bytes: what it got on each connection, and what the test lets it say. */
class ByteServer {
  readonly connections: { socket: Socket; received: string }[] = [];
  closed = 0;
  readonly #waiters = new Waiters();
  readonly #server = createServer((socket) => {
    const connection = { socket, received: '' };
    this.connections.push(connection);
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      connection.received += bytes.toString('latin1');
      this.#waiters.look();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed += 1;
      this.#waiters.look();
    });
    this.#waiters.look();
  });

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  until(isMet: () => boolean): Promise<void> {
    return this.#waiters.until(isMet);
  }

  /** Resolves when this many requests have come, over all connections. */
  requests(count: number): Promise<void> {
    return this.until(() => this.#all().split(' HTTP/1.1\r\n').length - 1 >= count);
  }

  /** On the connection with this number. */
  say(text: string, connection = 0): void {
    this.connections[connection]?.socket.write(text, 'latin1');
  }

  #all = () => this.connections.map(({ received }) => received).join('');

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function start(options: Partial<ModelServerPoolOptions> = {}) {
  const server = new ByteServer();
  const clock = new FakeClock();
  const origin = await server.listen();
  const pool = new ModelServerPool({ origin, maxConnections: 10, firstByteTimeout: 20, idleTimeout: 5, clock, ...options });
  return {
    server,
    clock,
    pool,
    origin,
    async [Symbol.asyncDispose]() {
      await pool.destroy();
      await server.close();
    },
  };
}

/** As the relay holds a request: everything that became of it, in order. */
class Listener implements Dispatcher.DispatchHandler {
  readonly seen: string[] = [];
  controller: Dispatcher.DispatchController | undefined;
  readonly #waiters = new Waiters();

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.#see('start');
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#see(`status ${status}`);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#see(chunk.toString('latin1'));
  }

  onResponseEnd(): void {
    this.#see('end');
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#see(`error ${(error as NodeJS.ErrnoException).code ?? error.message}`);
  }

  until(what: string): Promise<void> {
    return this.#waiters.until(() => this.seen.includes(what));
  }

  #see(what: string): void {
    this.seen.push(what);
    this.#waiters.look();
  }
}

const ok = (body: string, ...headers: string[]) => ['HTTP/1.1 200 OK', ...headers, `content-length: ${body.length}`, '', body].join('\r\n');

function post(pool: ModelServerPool, body: string | Buffer = 'question', listener = new Listener()): Listener {
  pool.dispatch({ path: '/ask', method: 'POST', headers: { 'content-type': 'text/plain' }, body }, listener);
  return listener;
}

describe('a request to the model server', () => {
  it('is sent as HTTP/1.1 and answered over the connection, which carries the next one, too', async () => {
    await using rig = await start();
    const first = post(rig.pool, 'größer');
    await rig.server.requests(1);
    expect(rig.server.connections[0]?.received.split('\r\n')).toEqual([
      'POST /ask HTTP/1.1',
      `host: ${new URL(rig.origin).host}`,
      'connection: keep-alive',
      'content-type: text/plain',
      'content-length: 8',
      '',
      Buffer.from('größer').toString('latin1'),
    ]);
    rig.server.say(ok('answer'));
    await first.until('end');
    expect(first.seen).toEqual(['start', 'status 200', 'answer', 'end']);

    const second = post(rig.pool);
    await rig.server.requests(2);
    rig.server.say(ok('another'));
    await second.until('end');
    expect(second.seen).toContain('another');
    expect(rig.server.connections).toHaveLength(1);
  });

  it('of a megabyte arrives whole', async () => {
    await using rig = await start();
    const listener = post(rig.pool, Buffer.alloc(1024 * 1024, 'x'));
    await rig.server.until(() => rig.server.connections[0]?.received.endsWith(`\r\n\r\n${'x'.repeat(1024 * 1024)}`) ?? false);
    rig.server.say(ok('answer'));
    await listener.until('end');
  });

  it('waits for a connection when there are enough, and takes the first that is free', async () => {
    await using rig = await start({ maxConnections: 2 });
    const listeners = [post(rig.pool), post(rig.pool), post(rig.pool)];
    await rig.server.requests(2);
    expect(listeners[2]?.seen).toEqual([]);
    rig.server.say(ok('b'), 1);
    await rig.server.requests(3);
    expect(listeners[1]?.seen).toContain('end');
    rig.server.say(ok('c'), 1);
    await listeners[2]?.until('end');
    expect(rig.server.connections).toHaveLength(2);
  });

  it('that waits takes the place of a connection that broke', async () => {
    await using rig = await start({ maxConnections: 1 });
    const [first, second] = [post(rig.pool), post(rig.pool)];
    await rig.server.requests(1);
    rig.server.connections[0]?.socket.destroy();
    await rig.server.requests(2);
    expect(first?.seen).toEqual(['start', 'error ANSWER_INCOMPLETE']);
    rig.server.say(ok('answer'), 1);
    await second?.until('end');
  });

  it('can be made by undici’s API', async () => {
    await using rig = await start();
    const asked = rig.pool.request({ path: '/text?a=b', method: 'GET', headers: { accept: 'text/plain' } });
    await rig.server.requests(1);
    expect(rig.server.connections[0]?.received).toMatch(/^GET \/text\?a=b HTTP\/1\.1\r\n(?!.*content-length)/s);
    rig.server.say(ok('answer', 'x-a: b'));
    const { statusCode, headers, body } = await asked;
    expect([statusCode, headers['x-a'], await body.text()]).toEqual([200, 'b', 'answer']);
  });

  it.each([
    ['a path with a space', { path: '/a b' }],
    ['a path that is none', { path: 'http://other/' }],
    ['a path that ends the line', { path: '/a\r\nx: y' }],
    ['a method that is none', { method: 'GET /' }],
    ['a header that ends the line', { headers: { 'x-a': 'b\r\nx-c: d' } }],
    ['a header beyond Latin-1', { headers: { 'x-a': '→' } }],
    ['a name that is none', { headers: { 'x a': 'b' } }],
    ['a length of its own', { headers: { 'Content-Length': '3' } }],
    ['chunks', { headers: { 'Transfer-Encoding': 'chunked' } }],
  ])('is refused with %s, and nothing is sent', async (_, wrong) => {
    await using rig = await start();
    const listener = new Listener();
    expect(() => rig.pool.dispatch({ path: '/', method: 'GET', ...wrong }, listener)).toThrow(TypeError);
    expect([listener.seen, rig.server.connections]).toEqual([[], []]);
  });

  it('to nobody fails as refused', async () => {
    await using rig = await start();
    await rig.server.close();
    const listener = post(rig.pool);
    await listener.until('error ECONNREFUSED');
    expect(listener.seen).toEqual(['start', 'error ECONNREFUSED']);
  });
});

describe('an answer of the model server', () => {
  it.each([
    ['ends it, when it says nothing of its length', 'HTTP/1.1 200 OK\r\n\r\nhalf', ['status 200', 'half', 'end']],
    ['breaks it off', 'HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf', ['status 200', 'half', 'error ANSWER_INCOMPLETE']],
  ])('closed behind: that %s', async (_, said, seen) => {
    await using rig = await start();
    const listener = post(rig.pool);
    await rig.server.requests(1);
    rig.server.connections[0]?.socket.end(said);
    await rig.server.until(() => rig.server.closed === 1);
    await listener.until(seen.at(-1) as string);
    expect(listener.seen).toEqual(['start', ...seen]);
  });

  it('that is none ends its request and its connection', async () => {
    await using rig = await start();
    const listener = post(rig.pool);
    await rig.server.requests(1);
    rig.server.say('SSH-2.0-OpenSSH_9\r\n\r\n');
    await rig.server.until(() => rig.server.closed === 1);
    expect(listener.seen).toEqual(['start', 'error ANSWER_MALFORMED']);
  });

  it('is never mistaken for that to the next request: with something behind it, its connection is the last', async () => {
    await using rig = await start({ maxConnections: 1 });
    const [first, second] = [post(rig.pool), post(rig.pool)];
    await rig.server.requests(1);
    rig.server.say(ok('first') + ok('smuggled'));
    await rig.server.requests(2);
    rig.server.say(ok('second'), 1);
    await second?.until('end');
    expect(first?.seen).toEqual(['start', 'status 200', 'first', 'end']);
    expect(second?.seen).toEqual(['start', 'status 200', 'second', 'end']);
  });

  it('that nobody asked for closes the connection', async () => {
    await using rig = await start();
    const listener = post(rig.pool);
    await rig.server.requests(1);
    rig.server.say(ok('answer'));
    await listener.until('end');
    rig.server.say(ok('another'));
    await rig.server.until(() => rig.server.closed === 1);
  });

  it('before the whole request was sent is taken; its connection is not used again', async () => {
    await using rig = await start();
    const body = Buffer.alloc(64 * 1024 * 1024);
    const listener = post(rig.pool, body);
    await rig.server.until(() => rig.server.connections.length === 1);
    rig.server.connections[0]?.socket.pause();
    rig.server.say('HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n');
    await listener.until('end');
    expect(listener.seen).toEqual(['start', 'status 413', 'end']);
    const next = post(rig.pool);
    await rig.server.until(() => rig.server.connections[1]?.received.endsWith('question') ?? false);
    rig.server.say(ok('answer'), 1);
    await next.until('end');
  });

  it('waits in the kernel while its reader pauses, and leaves a connection that reads', async () => {
    await using rig = await start();
    const listener = post(rig.pool);
    await rig.server.requests(1);
    rig.server.say('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello');
    await listener.until('hello');
    listener.controller?.pause();
    expect(listener.controller?.paused).toBe(true);
    rig.server.say('world');
    await rig.clock.advance(60_000); // whoever pauses is not waited for
    expect(listener.seen).toEqual(['start', 'status 200', 'hello']);
    listener.controller?.resume();
    await listener.until('end');

    const last = post(rig.pool);
    await rig.server.requests(2);
    rig.server.say(ok('pause'));
    await last.until('pause');
    rig.server.connections[0]?.socket.end();
    await rig.server.until(() => rig.server.closed === 1);
  });

  it('that does not begin, or stops, is given up', async () => {
    await using rig = await start();
    const [first, second] = [post(rig.pool), post(rig.pool)];
    await rig.server.requests(2);
    rig.server.say('HTTP/1.1 200 OK\r\n\r\nhalf', 1);
    await second?.until('half');
    await rig.clock.advance(6_000);
    expect(second?.seen.at(-1)).toBe('error MODEL_SERVER_TIMEOUT');
    expect(first?.seen).toEqual(['start']);
    await rig.clock.advance(20_000);
    expect(first?.seen).toEqual(['start', 'error MODEL_SERVER_TIMEOUT']);
    await rig.server.until(() => rig.server.closed === 2);
  });
});

describe('a request that is aborted', () => {
  it('closes its connection, and what still comes reaches nobody', async () => {
    await using rig = await start();
    const listener = new Listener();
    listener.onResponseData = () => listener.controller?.abort(new Error('enough'));
    post(rig.pool, 'question', listener);
    await rig.server.requests(1);
    rig.server.say('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
    await rig.server.until(() => rig.server.closed === 1);
    expect(listener.seen).toEqual(['start', 'status 200', 'error enough']);
  });

  it('before it was sent leaves its connection to the next', async () => {
    await using rig = await start({ maxConnections: 1 });
    const first = post(rig.pool);
    const gone = new Listener();
    gone.onRequestStart = (controller) => controller.abort(new Error('gone'));
    post(rig.pool, 'never sent', gone);
    const third = post(rig.pool);
    await rig.server.requests(1);
    rig.server.say(ok('first'));
    await rig.server.requests(2);
    rig.server.say(ok('third'));
    await third.until('end');
    expect([first.seen.at(-1), gone.seen, rig.server.connections.length]).toEqual(['end', ['error gone'], 1]);
    expect(rig.server.connections[0]?.received).not.toContain('never sent');
  });

  it('after its end disturbs nobody', async () => {
    await using rig = await start();
    const first = post(rig.pool);
    await rig.server.requests(1);
    rig.server.say(ok('first'));
    await first.until('end');
    const second = post(rig.pool);
    first.controller?.abort(new Error('late'));
    first.controller?.pause();
    await rig.server.requests(2);
    rig.server.say(ok('second'));
    await second.until('end');
    expect(first.seen.at(-1)).toBe('end');
  });
});

describe('a connection that carries nothing', () => {
  const answered = async (rig: Awaited<ReturnType<typeof start>>, ...headers: string[]) => {
    const listener = post(rig.pool);
    await rig.server.requests(1);
    rig.server.say(ok('answer', ...headers));
    await listener.until('end');
  };

  it.each([
    [[], 3_000],
    [['Keep-Alive: timeout=5'], 3_000],
    [['Keep-Alive: timeout=30, max=100'], 28_000],
    [['Keep-Alive: timeout=9999'], 59_000],
  ])('is closed before the model server might: %j', async (headers, keptMs) => {
    await using rig = await start();
    await answered(rig, ...headers);
    await rig.clock.advance(keptMs - 1_000);
    expect(rig.server.closed).toBe(0);
    await rig.clock.advance(1_000);
    await rig.server.until(() => rig.server.closed === 1);
    expect(rig.clock.pending).toBe(0);
  });

  it('is not kept when the model server keeps none', async () => {
    await using rig = await start();
    await answered(rig, 'keep-alive: timeout=1');
    await rig.server.until(() => rig.server.closed === 1);
  });

  it('is not used any more once the model server has closed it', async () => {
    await using rig = await start();
    await answered(rig);
    rig.server.connections[0]?.socket.end();
    await rig.server.until(() => rig.server.closed === 1);
    const listener = post(rig.pool);
    await rig.server.until(() => rig.server.connections[1]?.received.endsWith('question') ?? false);
    rig.server.say(ok('answer'), 1);
    await listener.until('end');
  });
});

describe('a pool that is destroyed', () => {
  it('ends what is open, what waits and what comes later', async () => {
    await using rig = await start({ maxConnections: 1 });
    const listeners = [post(rig.pool), post(rig.pool)];
    await rig.server.requests(1);
    await rig.pool.destroy();
    listeners.push(post(rig.pool));
    expect(listeners.map(({ seen }) => seen.at(-1))).toEqual(Array.from({ length: 3 }, () => 'error ECONNABORTED'));
    await rig.server.until(() => rig.server.closed === 1);
    await rig.clock.advance(60_000);
    expect(rig.clock.pending).toBe(0);
  });
});
