import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A program of ours as a process of its own, from source, with nothing of our environment but the path. */
export interface StartedProcess extends AsyncDisposable {
  process: ChildProcess;
  /** Everything it wrote so far, stdout and stderr. */
  output(): string;
  /** Resolves once the output has the text, rejects when the process ends before. */
  said(text: string): Promise<void>;
  /** The port of a worker's `listening` line. */
  port(): Promise<number>;
}

export function startProcess(script: URL, env: Record<string, string>, args: string[] = []): StartedProcess {
  const child = spawn(process.execPath, ['--conditions=@bluefly/source', fileURLToPath(script), ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const listeners = new Set<() => void>();
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);

  const said = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!output.includes(text)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      child.once('close', () => reject(new Error(`The process ended without saying ${JSON.stringify(text)}:\n${output}`)));
      look();
    });
  return {
    process: child,
    output: () => output,
    said,
    async port() {
      await said('"msg":"listening"');
      return Number(/"port":(\d+)[^\n]*"msg":"listening"/.exec(output)?.[1]);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}
