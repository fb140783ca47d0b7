import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ControlPlaneClient } from './control-plane-client.ts';
import { silentLogger } from './logger.ts';

/** An address that counts what it is asked and answers as told; 0 hangs. */
async function address(status: number) {
  const state = { count: 0, status, paths: [] as string[] };
  const server = createServer((request, response) => {
    state.count += 1;
    state.paths.push(request.url as string);
    if (state.status !== 0) response.writeHead(state.status).end('body');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const signal = new AbortController().signal;

describe('control plane client', () => {
  it('goes on to the next address after a refusal, an error or silence, and begins with the one that worked', async () => {
    await using broken = await address(500);
    await using silent = await address(0);
    await using good = await address(204);
    const addresses = ['http://127.0.0.1:1', broken.url, silent.url, good.url];
    const client = new ControlPlaneClient({ addresses, timeoutMs: 200, log: silentLogger });
    for (let n = 0; n < 3; n += 1) expect(await client.post('/x', {}, signal)).toBe(true);
    expect([broken.state.count, silent.state.count, good.state.count]).toEqual([1, 1, 3]); // the dead ones were paid for once
    good.state.status = 500;
    broken.state.status = 200;
    expect(await client.post('/x', {}, signal)).toBe(true);
    expect(broken.state.count).toBe(2);
    await client.close();
  });

  it('asks below the path of an address', async () => {
    await using plane = await address(200);
    const client = new ControlPlaneClient({ addresses: [`${plane.url}/serverless`], log: silentLogger });
    expect(await client.post('/worker_status/', {}, signal)).toBe(true);
    expect(plane.state.paths).toEqual(['/serverless/worker_status/']);
    await client.close();
  });

  it('says so when nobody accepts, and asks on for an answer it can use', async () => {
    await using first = await address(200);
    await using second = await address(200);
    const client = new ControlPlaneClient({ addresses: [first.url, second.url], log: silentLogger });
    let asked = 0;
    expect(await client.get('/pubkey/', (body) => ((asked += 1) === 2 ? body : undefined), signal)).toBe('body');
    expect([first.state.count, second.state.count]).toEqual([1, 1]);
    const lost = new ControlPlaneClient({ addresses: ['http://127.0.0.1:1'], log: silentLogger });
    expect(await lost.post('/x', {}, signal)).toBe(false);
    await Promise.all([client.close(), lost.close()]);
  });
});
