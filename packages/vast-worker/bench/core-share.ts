import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Cores of this process, from a list as Linux writes it: `0-1,4`. */
export function coresOf(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/**
 * Keeps processes to the upper half of the cores there are. What a target runs on is its own then: the load generator and the stub,
 * waking with every event, would push it from one core to the other, and its p99 would be theirs.
 * @returns the cores, for the record; undefined where there is one only, or no `taskset`
 */
export function keepToUpperHalf(pids: readonly number[]): string | undefined {
  const allowed = coresOf(/^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0');
  if (allowed.length < 2) return undefined;
  const upper = allowed.slice(Math.ceil(allowed.length / 2)).join(',');
  const isDone = pids.every((pid) => spawnSync('taskset', ['-acp', upper, String(pid)]).status === 0);
  return isDone ? upper : undefined;
}
