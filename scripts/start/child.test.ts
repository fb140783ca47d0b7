import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Child } from './child.ts';

/** A process of npm start, played by a line of JavaScript. */
const play = (code: string, killAfterMs?: number) => new Child('model', process.execPath, ['-e', code], process.env, false, killAfterMs);

describe('a process of npm start', () => {
  it('that ends by itself is named with its exit code and its last lines', async () => {
    const child = play(`console.log('loading'); console.error('no such model'); process.exitCode = 3`);
    await expect(child.failure).rejects.toThrow('The model process ended with exit code 3. Its last lines:\n');
    await expect(child.failure).rejects.toThrow(/^ {2}loading$/m);
    await expect(child.failure).rejects.toThrow(/^ {2}no such model$/m);
  });

  it('that cannot be started says so', async () => {
    await expect(new Child('build', '/no/such/program', [], {}, false).failure).rejects.toThrow('The build process could not be started');
  });

  it('has failed when it ends with 0 although nobody stopped it, unless that is what it is for', async () => {
    const child = play('');
    await expect(child.failure).rejects.toThrow('The model process ended with exit code 0.');
    await expect(child.success).resolves.toBeUndefined();
  });

  describe('that runs', () => {
    const calls: Socket[] = [];
    let notify = () => {};
    const server = createServer((socket) => {
      socket.on('error', () => undefined); // a killed process may reset its connection
      socket.resume();
      calls.push(socket);
      notify();
    });

    beforeEach(async () => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    afterEach(async () => {
      for (const call of calls.splice(0)) call.destroy();
      await new Promise((resolve) => server.close(resolve));
    });

    /** Calls this test and keeps the line open for as long as it lives. */
    const call = () => `require('node:net').connect(${(server.address() as AddressInfo).port}, '127.0.0.1');`;
    const called = (count: number) =>
      new Promise<void>((resolve) => {
        notify = () => calls.length >= count && resolve();
        notify();
      });
    const hungUp = async (socket: Socket) => socket.closed || once(socket, 'close');
    const allHungUp = () => Promise.all(calls.map(hungUp));

    it('is ended with everything in its group, however deaf', async () => {
      const deaf = `process.on('SIGTERM', () => {}); ${call()}`;
      const offspring = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(deaf)}], { stdio: 'inherit' });`;
      const child = play(`${deaf} ${offspring}`, 10);
      await called(2);
      await child.stop();
      await allHungUp();
    });

    it('ends with us, even when we crash', async () => {
      const childFile = new URL('./child.ts', import.meta.url).href;
      const owner = `
        const { Child } = await import(${JSON.stringify(childFile)});
        new Child('model', process.execPath, ['-e', ${JSON.stringify(call())}], process.env, false);
        process.once('message', () => { throw new Error('a crash, as the test wants it'); });
      `;
      const crashing = spawn(process.execPath, ['--input-type=module', '-e', owner], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      await called(1);
      crashing.send('now');
      expect(await once(crashing, 'exit')).toEqual([1, null]);
      await allHungUp();
    });
  });
});
