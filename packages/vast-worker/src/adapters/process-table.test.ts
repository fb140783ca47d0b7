import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { identify, isRunning, type ProcessIdentity, parseStat, readProcess, runningInGroup } from './process-table.ts';

const isLinux = process.platform === 'linux';

async function startCat(): Promise<AsyncDisposable & { child: ChildProcess; pid: number }> {
  const child = spawn('cat', { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { child, pid: child.pid as number, [Symbol.asyncDispose]: end };
}

describe('process table', () => {
  it('reads a line of /proc whose command holds brackets and blanks', () => {
    const line = '812 (tricky) name (x) S 17 810 809 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 50';
    expect(parseStat(line)).toEqual({ pid: 812, state: 'S', parent: 17, group: 810, startTicks: 987654 });
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('812 (x) S')).toBeUndefined();
  });

  it.runIf(isLinux)('knows a process as long as it runs, and not another one with its pid', async () => {
    await using cat = await startCat();
    const identity = identify(cat.pid) as ProcessIdentity;
    expect(isRunning(identity)).toBe(true);
    expect(isRunning({ ...identity, startTicks: identity.startTicks + 1 })).toBe(false);
    expect(isRunning({ ...identity, bootId: 'another boot' })).toBe(false);
    expect(readProcess(cat.pid)).toMatchObject({ parent: process.pid, group: cat.pid });
    expect(runningInGroup(cat.pid)).toEqual([cat.pid]);

    cat.child.kill('SIGKILL');
    await once(cat.child, 'exit');
    expect(isRunning(identity)).toBe(false);
    expect(runningInGroup(cat.pid)).toEqual([]);
  });
});
