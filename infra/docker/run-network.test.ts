import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type StartedProcess, startProcess, temporaryFolder, until } from '../../packages/vast-worker/src/testing/index.ts';
import { cloudflared, tailscale, tailscaled } from './test/stand-in-programs.ts';

/** Real processes: the entry, a program in the worker's place, and stand-ins for the programs of the network. */

interface Network extends AsyncDisposable {
  entry: StartedProcess;
  /** Of the last start of a companion. */
  pidOf(companion: string): number;
  exitCode(): Promise<number | null>;
}

/** Ends with 7, a while after it was told to. */
const aWorker = `process.once('SIGTERM', () => { console.log('worker drains'); setTimeout(() => { console.log('worker ends'); process.exit(7); }, 100); });
setInterval(() => undefined, 60_000);
console.log('worker runs');`;
const sayTokens = "console.log('tokens:', process.env.TUNNEL_TOKEN, process.env.TS_AUTHKEY)";

async function startNetwork(env: Record<string, string>, script = aWorker): Promise<Network> {
  const folder = await temporaryFolder();
  const programs = join(folder.path, 'bin');
  mkdirSync(programs);
  for (const [name, text] of Object.entries({ cloudflared, tailscale, tailscaled }))
    writeFileSync(join(programs, name), text, { mode: 0o755 });
  const path = { PATH: `${programs}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder.path, TMPDIR: folder.path };
  const entry = startProcess(new URL('./network.ts', import.meta.url), { ...path, ...env }, ['--', process.execPath, '-e', script]);
  const exited = once(entry.process, 'close') as Promise<[number | null]>;
  return {
    entry,
    pidOf: (companion) => Number([...entry.output().matchAll(new RegExp(`"companion":"${companion}","pid":(\\d+)`, 'g'))].at(-1)?.[1]),
    exitCode: async () => (await exited)[0],
    async [Symbol.asyncDispose]() {
      entry.process.kill('SIGTERM');
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the entry of the target network', () => {
  it('runs the worker alone when no token is set', async () => {
    await using network = await startNetwork({}, `${sayTokens}; process.exit(3)`);
    expect(await network.exitCode()).toBe(3);
    expect(network.entry.output()).toBe('tokens: undefined undefined\n');
  });

  it('keeps tokens from the worker', async () => {
    await using network = await startNetwork({ TUNNEL_TOKEN: 'abc', TS_AUTHKEY: 'abc' }, sayTokens);
    expect(await network.exitCode()).toBe(0);
    expect(network.entry.output()).toContain('tokens: undefined undefined\n');
  });

  it('starts a companion again that was killed', async () => {
    await using network = await startNetwork({ TUNNEL_TOKEN: 'abcde' });
    await network.entry.said('cloudflared tunnel run with a token of 5 characters');
    const first = network.pidOf('cloudflared');
    process.kill(first, 'SIGKILL');
    await network.entry.said('"how":"was ended by SIGKILL"');
    await until(() => network.pidOf('cloudflared') !== first);
  });

  it('joins the tailnet with the key, and leaves no key behind', async () => {
    await using network = await startNetwork({ TS_AUTHKEY: 'tskey' });
    await network.entry.said('"companion":"tailscaled","msg":"joined"');
    expect(network.entry.output()).toMatch(/tailscale --socket=\S+ up --auth-key=file:(\S+) .* with a key of 5 characters/);
    const file = /--auth-key=file:(\S+)/.exec(network.entry.output())?.[1] as string;
    expect(existsSync(file)).toBe(true);
    network.entry.process.kill('SIGTERM');
    await network.exitCode();
    expect(existsSync(file)).toBe(false);
  });

  it('lets the worker drain first, closes the ways to it then, and exits as the worker did', async () => {
    await using network = await startNetwork({ TUNNEL_TOKEN: 'abc' });
    await network.entry.said('worker runs');
    await network.entry.said('cloudflared tunnel run');
    const companion = network.pidOf('cloudflared');
    network.entry.process.kill('SIGTERM');
    expect(await network.exitCode()).toBe(7);
    expect(network.entry.output()).toMatch(/worker drains\nworker ends\ncloudflared ends/);
    expect(isRunning(companion)).toBe(false);
  });

  it('runs on without a companion whose program is not there, and says so', async () => {
    await using network = await startNetwork({ TUNNEL_TOKEN: 'abc', PATH: '/bin:/usr/bin' });
    await network.entry.said('"how":"could not be started (ENOENT)"');
    await network.entry.said('worker runs');
  });

  it('runs on without the tailnet when the key cannot be kept, and says so', async () => {
    await using network = await startNetwork({ TS_AUTHKEY: 'tskey', TMPDIR: '/dev/null' });
    await network.entry.said('/dev/null/tailscale cannot be written (ENOTDIR)');
    await network.entry.said('worker runs');
  });

  it('says when there is no such command', async () => {
    const folder = await temporaryFolder();
    await using _folder = folder;
    await using entry = startProcess(new URL('./network.ts', import.meta.url), { HOME: folder.path }, ['--', join(folder.path, 'nothing')]);
    const [code] = (await once(entry.process, 'close')) as [number];
    expect(code).toBe(127);
  });
});
