import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The processes around the worker: each tells its parent what it is asked for over the channel that Node gives a fork. */

type TypeOf<Message> = Message extends { type: infer Type } ? Type : never;
type MessageOf<Message, Type> = Extract<Message, { type: Type }>;

export interface Helper<Message> extends AsyncDisposable {
  readonly pid: number;
  send(message: object): void;
  /** The next message of this type. @throws Error when the process ends first, or none comes within two minutes */
  next<Type extends TypeOf<Message>>(
    type: Type,
    isWanted?: (message: MessageOf<Message, Type>) => boolean,
  ): Promise<MessageOf<Message, Type>>;
}

export function startHelper<Message>(script: URL | string, env: Record<string, string> = {}, nodeFlags: string[] = []): Helper<Message> {
  const child = fork(typeof script === 'string' ? script : fileURLToPath(script), {
    execArgv: ['--conditions=@bluefly/source', ...nodeFlags],
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    pid: child.pid as number,
    send: (message) => void child.send(message),
    next: (type, isWanted = () => true) =>
      nextMessage(child, (message) => (message as { type: unknown }).type === type && isWanted(message as never)) as never,
    [Symbol.asyncDispose]: () => endOf(child),
  };
}

/** Ends a process and waits until it is gone. */
export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const patienceMs = 120_000;

function nextMessage(child: ChildProcess, isWanted: (message: unknown) => boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const name = child.spawnargs.at(-1);
    const timer = setTimeout(() => stop(() => reject(new Error(`${name} said nothing for ${patienceMs / 1000} s`))), patienceMs);
    const onExit = () => stop(() => reject(new Error(`${name} has ended`)));
    const onMessage = (message: unknown) => {
      if (isWanted(message)) stop(() => resolve(message));
    };
    child.on('message', onMessage).once('exit', onExit);

    function stop(settle: () => void): void {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit);
      settle();
    }
  });
}
