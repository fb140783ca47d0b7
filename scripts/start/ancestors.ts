import { readFileSync } from 'node:fs';

/**
 * The processes between `npm start` and us: npm, npx, pnpm and the shells they use. When one of them is killed the others
 * do not hear of it, so we look. Where there is no /proc only our parent is known.
 */
export function launchers(pid: number = process.pid): number[] {
  const found: number[] = [];
  for (let parent = parentOf(pid); parent !== undefined && parent > 1; parent = parentOf(parent)) {
    if (found.length > 0 && !isLauncher(parent)) break;
    found.push(parent);
  }
  return found.length > 0 ? found : [process.ppid];
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The fields after the command's name, which may hold anything, in brackets. */
const parentOf = (pid: number): number | undefined => {
  const stat = readProc(pid, 'stat');
  const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  return Number.isInteger(parent) ? parent : undefined;
};

const isLauncher = (pid: number): boolean => /\b(npm|npx|pnpm)\b/.test(readProc(pid, 'cmdline') ?? '');

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
