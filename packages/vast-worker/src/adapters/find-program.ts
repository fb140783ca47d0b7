import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Whether a program can be started by this name: on the PATH, or as a path when it has a slash. */
export async function isProgram(name: string, env: NodeJS.ProcessEnv, cwd = '.'): Promise<boolean> {
  const folders = name.includes('/') ? [name.startsWith('/') ? '' : cwd] : (env.PATH ?? '').split(delimiter);
  for (const folder of folders) if (await isExecutable(join(folder, name))) return true;
  return false;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
