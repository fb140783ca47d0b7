import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort, startProcess, startRig } from '../../packages/vast-worker/src/testing/index.ts';
import { askHealth } from './healthcheck.ts';

const check = async (env: Record<string, string>) => {
  await using program = startProcess(new URL('./healthcheck.ts', import.meta.url), env);
  const code = await new Promise((resolve) => program.process.once('close', resolve));
  return { code, output: program.output() };
};

describe('the health check of images', () => {
  it('passes when the worker is ready', async () => {
    await using rig = await startRig();
    expect(await check({ WORKER_PORT: String(rig.port) })).toEqual({ code: 0, output: '/health answers 200\n' });
  });

  it('fails while the worker is not', async () => {
    const server = createServer((_request, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await askHealth({ WORKER_PORT: String(port) })).toBe(503);
    expect(await check({ WORKER_PORT: String(port) })).toEqual({ code: 1, output: '/health answers 503\n' });
    server.close();
  });

  it('fails when nobody answers', async () => {
    const { code, output } = await check({ WORKER_PORT: String(await freePort()) });
    expect(code).toBe(1);
    expect(output).toContain('ECONNREFUSED');
  });
});
