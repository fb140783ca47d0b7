import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type HttpLimits, HttpServer, httpLimits } from './http-server.ts';

/** A server with limits short enough to wait for, and raw connections to it. */
async function start(limits: Partial<HttpLimits>) {
  const server = new HttpServer(
    {
      port: 0,
      host: '127.0.0.1',
      portVariable: 'WORKER_PORT',
      workerId: undefined,
      certificate: undefined,
      routes: new Map(),
      everythingElse: (request, response) => void request.resume().on('end', () => response.end('done')),
    },
    { ...httpLimits, checkEveryMs: 20, ...limits },
  );
  const port = await server.listen(new AbortController().signal);
  const sockets: Socket[] = [];
  return {
    /** Sends `text` and resolves with everything that came until the server closed the connection. */
    async exchange(text: string): Promise<string> {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk.toString();
      });
      socket.on('error', () => undefined);
      socket.write(text);
      await new Promise((resolve) => socket.once('close', resolve)); // also after an error
      return answer;
    },
    open: () => {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => undefined);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await server.close();
    },
  };
}

describe('limits of the port', () => {
  it('end a request whose headers do not come to an end with 408', async () => {
    await using server = await start({ headersTimeoutMs: 50 });
    expect(await server.exchange('POST /x HTTP/1.1\r\nhost: a\r\nx: ')).toMatch(/^HTTP\/1\.1 408 .*REQUEST_TIMEOUT/s);
  });

  it('end a request whose body does not come to an end with 408', async () => {
    await using server = await start({ headersTimeoutMs: 50, requestTimeoutMs: 100 });
    expect(await server.exchange('POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc')).toMatch(
      /^HTTP\/1\.1 408 .*REQUEST_TIMEOUT/s,
    );
  });

  it('close a connection that stays idle after its answer', async () => {
    await using server = await start({ keepAliveTimeoutMs: 50 });
    expect(await server.exchange('GET /x HTTP/1.1\r\nhost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('refuse connections beyond the limit, and take new ones when some have gone', async () => {
    await using server = await start({ maxConnections: 2 });
    const [first, second] = [server.open(), server.open()];
    await Promise.all([once(first, 'connect'), once(second, 'connect')]);
    expect(await server.exchange('GET /x HTTP/1.1\r\nhost: a\r\n\r\n')).toBe('');
    first.destroy();
    let answer = '';
    while (answer === '') answer = await server.exchange('GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    expect(answer).toContain('done');
  });
});
