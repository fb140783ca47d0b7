import { parseArgs } from 'node:util';

export interface StartOptions {
  workerPort: number;
  modelPort: number;
  verbose: boolean;
}

/** Something that whoever called can mend. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const helpText = `npm start: a worker with real embeddings on this machine, no GPU and no account needed.

Builds what is not built, starts the embedded model server and the agent-brain worker in front of it,
waits until the worker is ready, and prints requests to try. Ctrl-C stops everything.

  npm start -- [options]

  --worker-port PORT   port of the worker (default 3000; variable WORKER_PORT)
  --model-port PORT    port of the model server (default 8000; variable MODEL_SERVER_PORT)
  --verbose            show everything that both processes log
  --help               this text

Both listen on 127.0.0.1 only: signatures are not verified here (UNSECURED=true).
Other variables of the worker, such as LOG_LEVEL and WORKLOAD_UNIT, are passed on.
`;

/** @throws UsageError with every problem */
export function readStartOptions(args: readonly string[], env: NodeJS.ProcessEnv): StartOptions | 'help' {
  const problems: string[] = [];
  const flags = parseFlags(args, problems);
  if (flags.help) return 'help';
  const port = (flag: string | undefined, flagName: string, variable: string, fallback: number): number => {
    const text = flag ?? (env[variable] || String(fallback));
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= 65_535) return value;
    problems.push(`${flag === undefined ? variable : flagName}: expected a port, 1 to 65535, found ${JSON.stringify(text)}`);
    return fallback;
  };
  const options: StartOptions = {
    workerPort: port(flags['worker-port'], '--worker-port', 'WORKER_PORT', 3000),
    modelPort: port(flags['model-port'], '--model-port', 'MODEL_SERVER_PORT', 8000),
    verbose: flags.verbose === true,
  };
  if (problems.length === 0 && options.workerPort === options.modelPort) problems.push('The worker and the model server need a port each.');
  if (problems.length > 0) throw new UsageError(`${problems.join('\n')}\nnpm start -- --help tells what there is.`);
  return options;
}

function parseFlags(args: readonly string[], problems: string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'worker-port': { type: 'string' },
        'model-port': { type: 'string' },
        verbose: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    problems.push((error as Error).message);
    return {};
  }
}
