import { readdirSync, readFileSync } from 'node:fs';

/**
 * Who runs on this machine, as /proc tells it. A pid alone names nobody for long: together with the start time and the
 * machine's boot it does. Where there is no /proc, nobody is known and nothing can be adopted.
 */

export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from the machine's boot to the start of the process: another one means that the pid was used again. */
  startTicks: number;
  /** Of the machine. */
  bootId: string;
}

export interface ProcessEntry {
  pid: number;
  /** One letter; Z and X have ended and only wait for their parent to notice, T is stopped. */
  state: string;
  parent: number;
  group: number;
  startTicks: number;
}

/** undefined: no such process. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const text = readText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Source: proc_pid_stat(5); fields 1, 3, 4, 5 and 22. The second, the command's name in brackets, may hold anything. */
export function parseStat(text: string): ProcessEntry | undefined {
  const pid = Number.parseInt(text, 10);
  const [state, parent, group, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const entry = { pid, state: state ?? '', parent: Number(parent), group: Number(group), startTicks: Number(rest[16]) };
  return [entry.pid, entry.parent, entry.group, entry.startTicks].every(Number.isInteger) ? entry : undefined;
}

/** undefined: no such process, or no /proc. */
export function identify(pid: number): ProcessIdentity | undefined {
  const entry = readProcess(pid);
  const bootId = readText('/proc/sys/kernel/random/boot_id')?.trim();
  return entry && bootId !== undefined ? { pid, startTicks: entry.startTicks, bootId } : undefined;
}

/** True while this very process runs: not one that got its pid later, and not one that has ended and was not reaped. */
export function isRunning({ pid, startTicks, bootId }: ProcessIdentity): boolean {
  const present = identify(pid);
  return present?.startTicks === startTicks && present.bootId === bootId && !hasEnded(readProcess(pid));
}

/** Pids of a process group that have not ended, its leader included. */
export function runningInGroup(group: number): number[] {
  const pids = readdir('/proc').filter((name) => /^\d+$/.test(name));
  const entries = pids.map((pid) => readProcess(Number(pid)));
  return entries.filter((entry) => entry?.group === group && !hasEnded(entry)).map((entry) => entry?.pid as number);
}

const hasEnded = (entry: ProcessEntry | undefined) => entry === undefined || entry.state === 'Z' || entry.state === 'X';

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readdir(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
