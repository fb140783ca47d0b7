import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** GiB used on `/`; undefined where that cannot be told. */
export async function diskUsageGib(): Promise<number | undefined> {
  try {
    const { blocks, bfree, bsize } = await statfs('/');
    return ((blocks - bfree) * bsize) / 2 ** 30;
  } catch {
    return undefined;
  }
}

export interface FreeDisk {
  path: string;
  freeGib: number;
}

/** What unprivileged programs may still write, one entry per file system. A folder that is not there yet counts as where it will be. */
export async function freeDisk(paths: readonly string[]): Promise<FreeDisk[]> {
  const found = new Map<number, FreeDisk>();
  for (const path of paths) {
    const existing = await nearestExisting(resolve(path));
    const { dev } = await stat(existing);
    const { bavail, bsize } = await statfs(existing);
    if (!found.has(dev)) found.set(dev, { path, freeGib: (bavail * bsize) / 2 ** 30 });
  }
  return [...found.values()];
}

/** Makes nothing. @returns the error's code when the folder could not be made, or not be written */
export async function folderProblem(path: string): Promise<string | undefined> {
  try {
    const existing = await nearestExisting(resolve(path));
    await access(existing, constants.W_OK);
    return (await stat(existing)).isDirectory() ? undefined : 'ENOTDIR';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error';
  }
}

async function nearestExisting(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    if (current === dirname(current)) return current;
    const isThere = await stat(current).then(
      () => true,
      () => false,
    );
    if (isThere) return current;
  }
}
