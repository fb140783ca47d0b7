import { parseArgs } from 'node:util';
import { type LocalService, services } from './services.ts';

export interface RunningService {
  service: LocalService;
  workerPort: number;
  modelPort: number;
}

export interface StartOptions {
  /** What to bring up, and where. */
  running: readonly RunningService[];
  /** Of the first service; the others are a fixed distance above. */
  firstWorkerPort: number;
  firstModelPort: number;
  verbose: boolean;
}

/** Something that whoever called can mend. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const names = services.map(({ name }) => name);
const places = (first: number) => services.map(({ portOffset }) => first + portOffset).join(', ');
const defaults = { workerPort: 3000, modelPort: 8000 } as const;

export const helpText = `npm start: the services on this machine, no GPU and no account needed.

Builds what is not built, starts each service behind an embedded model server, waits until all are ready, and prints a
request for each thing they do. Ctrl-C stops everything.

  npm start -- [service …] [options]

  service              ${names.join(', ')}; none named: all
  --worker-port PORT   port of the first worker (default ${defaults.workerPort}; variable WORKER_PORT): ${places(defaults.workerPort)}
  --model-port PORT    port of the first model server (default ${defaults.modelPort}; variable MODEL_SERVER_PORT): ${places(defaults.modelPort)}
  --verbose            show everything that the processes log
  --help               this text

All listen on 127.0.0.1 only: signatures are not verified here (UNSECURED=true).
Other variables, such as LOG_LEVEL and RFP_METHOD, are passed on to every service that is started.
`;

/** @throws UsageError with every problem */
export function readStartOptions(args: readonly string[], env: NodeJS.ProcessEnv): StartOptions | 'help' {
  const problems: string[] = [];
  const { values: flags, positionals } = parseFlags(args, problems);
  if (flags.help) return 'help';
  for (const name of positionals.filter((name) => !names.includes(name))) {
    problems.push(`service: expected ${names.join(', ')}, found ${JSON.stringify(name)}`);
  }
  const highest = 65_535 - Math.max(...services.map(({ portOffset }) => portOffset));
  const port = (flag: string | undefined, flagName: string, variable: string, fallback: number): number => {
    const text = flag ?? (env[variable] || String(fallback));
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= highest) return value;
    problems.push(`${flag === undefined ? variable : flagName}: expected a port, 1 to ${highest}, found ${JSON.stringify(text)}`);
    return fallback;
  };
  const firstWorkerPort = port(flags['worker-port'], '--worker-port', 'WORKER_PORT', defaults.workerPort);
  const firstModelPort = port(flags['model-port'], '--model-port', 'MODEL_SERVER_PORT', defaults.modelPort);
  const running = services
    .filter(({ name }) => positionals.length === 0 || positionals.includes(name))
    .map((service) => ({
      service,
      workerPort: firstWorkerPort + service.portOffset,
      modelPort: firstModelPort + service.portOffset,
    }));
  const modelPorts = new Set(running.map(({ modelPort }) => modelPort));
  if (problems.length === 0 && running.some(({ workerPort }) => modelPorts.has(workerPort))) {
    problems.push('The workers and the model servers need a port each.');
  }
  if (problems.length > 0) throw new UsageError(`${problems.join('\n')}\nnpm start -- --help tells what there is.`);
  return { running, firstWorkerPort, firstModelPort, verbose: flags.verbose === true };
}

function parseFlags(args: readonly string[], problems: string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'worker-port': { type: 'string' },
        'model-port': { type: 'string' },
        verbose: { type: 'boolean', short: 'v' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    problems.push((error as Error).message);
    return { values: {}, positionals: [] };
  }
}
