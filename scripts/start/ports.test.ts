import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { isPortFree, type PortRange, portProblem } from './ports.ts';

const workers = (first: number, offsets = [0]): PortRange => ({
  first,
  offsets,
  purposeOf: (offset) => `worker ${offset}`,
  flag: '--worker-port',
  variable: 'WORKER_PORT',
});

describe('a port of npm start', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  /** Takes the first free port from `first` on, and says which. */
  async function takePort(first: number): Promise<number> {
    for (let port = first; ; port += 1) {
      if (!(await isPortFree(port))) continue;
      const server = createServer().listen(port, '127.0.0.1');
      await once(server, 'listening');
      closers.push(() => new Promise((resolve) => server.close(resolve)));
      return port;
    }
  }

  /** The port that the words suggest. */
  const suggested = (problem: string | undefined) => Number(/--worker-port (\d+), or set WORKER_PORT\.$/.exec(problem ?? '')?.[1]);

  it('is no problem while it is free, and one when it is taken', async () => {
    const port = await takePort(20_000);
    expect(await portProblem(workers(port), [])).toContain(`Port ${port}, for worker 0, is taken: npm start -- --worker-port `);
    await closers.pop()?.();
    expect(await portProblem(workers(port), [])).toBeUndefined();
  });

  it('is replaced by one that exists and is free, also near the end of the range', async () => {
    const port = suggested(await portProblem(workers(await takePort(65_480)), []));
    expect(port).toBeLessThanOrEqual(65_535);
    expect(await isPortFree(port)).toBe(true);
  });

  it('is not replaced by a port that is meant for something else', async () => {
    const port = await takePort(20_000);
    const first = suggested(await portProblem(workers(port), []));
    expect(suggested(await portProblem(workers(port), [first]))).not.toBe(first);
  });

  it('is named when another that moves with it is taken, and what is suggested suits all of them', async () => {
    const port = await takePort(20_000);
    const problem = await portProblem(workers(port - 10, [0, 10, 20]), []);
    expect(problem).toContain(`Port ${port}, for worker 10, is taken: npm start -- --worker-port `);
    const first = suggested(problem);
    expect(await Promise.all([first, first + 10, first + 20].map(isPortFree))).toEqual([true, true, true]);
  });
});
