import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command, or another script of this package, as a process of its own, from source. */
export function run(args: string[], script = '../src/main.ts') {
  const child = spawn(
    process.execPath,
    ['--conditions=@bluefly/source', isAbsolute(script) ? script : fileURLToPath(new URL(script, import.meta.url)), ...args],
    {
      env: { PATH: process.env.PATH ?? '', NO_COLOR: '1' },
    },
  );
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  const closed = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null }));
  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (output.includes(text)) resolve();
      };
      listeners.add(look);
      void closed.then(() => reject(new Error(`ended without saying ${text}: ${output}`)));
      look();
    });
  return { child, closed, said, output: () => output };
}
