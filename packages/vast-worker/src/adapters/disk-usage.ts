import { statfs } from 'node:fs/promises';

/** GiB used on `/`; undefined where that cannot be told. */
export async function diskUsageGib(): Promise<number | undefined> {
  try {
    const { blocks, bfree, bsize } = await statfs('/');
    return ((blocks - bfree) * bsize) / 2 ** 30;
  } catch {
    return undefined;
  }
}
