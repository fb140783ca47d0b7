import { readdirSync, readFileSync } from 'node:fs';

/** What a process and its descendants used, as Linux counts it. */
export interface Usage {
  /** User and system time of all threads that live: the scheduler's own count, exact where `stat` goes in steps of 10 ms. */
  cpuMs: number;
  residentBytes: number;
  /** The most that was ever resident, summed over the processes that live. */
  peakResidentBytes: number;
}

/** @throws Error where there is no /proc */
export function usageOf(pid: number): Usage {
  let cpuNanoseconds = 0;
  let residentBytes = 0;
  let peakResidentBytes = 0;
  for (const member of treeOf(pid)) {
    const status = readIfThere(`/proc/${member}/status`);
    if (!status) continue;
    residentBytes += kilobytes(status, 'VmRSS');
    peakResidentBytes += kilobytes(status, 'VmHWM');
    for (const thread of readdirSync(`/proc/${member}/task`))
      cpuNanoseconds += Number(readIfThere(`/proc/${member}/task/${thread}/schedstat`)?.split(' ')[0] ?? 0);
  }
  return { cpuMs: cpuNanoseconds / 1e6, residentBytes, peakResidentBytes };
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
  const text = readIfThere(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Processes and threads come and go. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
