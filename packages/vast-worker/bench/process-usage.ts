import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process and its descendants used, as Linux counts it. */
export interface Usage {
  /** User and system time, children that are gone included. The kernel counts in steps of 10 ms. */
  cpuMs: number;
  residentBytes: number;
  /** The most that was ever resident, summed over the processes that live. */
  peakResidentBytes: number;
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString());

/** @throws Error where there is no /proc */
export function usageOf(pid: number): Usage {
  let cpuTicks = 0;
  let residentBytes = 0;
  let peakResidentBytes = 0;
  for (const member of treeOf(pid)) {
    const stat = statOf(member);
    if (!stat) continue;
    for (const field of [11, 12, 13, 14]) cpuTicks += Number(stat[field]); // utime, stime, cutime, cstime
    const status = readFileSync(`/proc/${member}/status`, 'utf8');
    residentBytes += kilobytes(status, 'VmRSS');
    peakResidentBytes += kilobytes(status, 'VmHWM');
  }
  return { cpuMs: (cpuTicks * 1000) / ticksPerSecond, residentBytes, peakResidentBytes };
}

const kilobytes = (status: string, field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? '0') * 1024;

function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat) parents.set(Number(name), Number(stat[1]));
  }
  const isOfTree = (pid: number): boolean => {
    for (let current: number | undefined = pid; current; current = parents.get(current)) if (current === root) return true;
    return false;
  };
  return [...parents.keys()].filter(isOfTree);
}

/** The fields after the command's name, which may hold spaces; undefined when the process is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
