import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { writeChunk } from './write-chunk.ts';

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What comes over one connection until the server ends it. */
async function exchanged(port: number, sent: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(sent);
  return text(socket);
}

const begin = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
const write = (response: ServerResponse, piece: string) => writeChunk(response, Buffer.from(piece));

describe('writing a chunk', () => {
  it('keeps every byte in order, between pieces that Node writes itself', async () => {
    await using server = await serve((_request, response) => {
      begin(response);
      write(response, 'one ');
      response.write('two ');
      write(response, '');
      write(response, `three${'.'.repeat(70_000)} `);
      response.end('four');
    });
    const answer = await fetch(server.url);
    expect(await answer.text()).toBe(`one two three${'.'.repeat(70_000)} four`);
  });

  it('leaves the connection to the next request', async () => {
    await using server = await serve((request, response) => {
      begin(response);
      write(response, `for ${request.url}`);
      response.end();
    });
    const last = 'GET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
    const seen = await exchanged(server.port, `GET /a HTTP/1.1\r\nhost: a\r\n\r\n${last}`);
    expect(seen.match(/\r\n\r\n6\r\nfor \/[ab]\r\n0\r\n\r\n/g)).toEqual([
      '\r\n\r\n6\r\nfor /a\r\n0\r\n\r\n',
      '\r\n\r\n6\r\nfor /b\r\n0\r\n\r\n',
    ]);
  });

  it('waits for an earlier answer on the same connection', async () => {
    const responses: ServerResponse[] = [];
    await using server = await serve((_request, response) => {
      responses.push(response);
      if (responses.length < 2) return;
      const [first, second] = responses as [ServerResponse, ServerResponse];
      begin(second);
      write(second, 'second, before it may');
      begin(first);
      write(first, 'first');
      first.once('finish', () => {
        write(second, 'second again');
        second.end();
      });
      first.end();
    });
    const seen = await exchanged(server.port, 'GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    const bodies = seen.split(/HTTP\/1\.1 200 OK\r\n/).map((answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4));
    expect(bodies.slice(1)).toEqual(['5\r\nfirst\r\n0\r\n\r\n', '15\r\nsecond, before it may\r\nc\r\nsecond again\r\n0\r\n\r\n']);
  });

  it('sends plain bytes to a client that knows no chunks', async () => {
    await using server = await serve((_request, response) => {
      begin(response);
      write(response, 'plain ');
      write(response, 'bytes');
      response.end();
    });
    const seen = await exchanged(server.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(seen.slice(seen.indexOf('\r\n\r\n') + 4)).toBe('plain bytes');
  });

  it('says whom to wait for when the client does not read', async () => {
    const { promise: drained, resolve } = Promise.withResolvers<void>();
    await using server = await serve((_request, response) => {
      begin(response);
      const fill = () => {
        for (;;) {
          const full = write(response, 'x'.repeat(64 * 1024));
          if (full) return full;
        }
      };
      fill().once('drain', () => {
        resolve();
        response.end();
      });
    });
    const answer = await fetch(server.url);
    await Promise.all([answer.text(), drained]);
  });

  it('is silent when the client has gone', async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    await using server = await serve((_request, response) => {
      begin(response);
      response.once('close', () => resolve(write(response, 'to nobody')));
    });
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await promise;
  });
});
