import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type ModelServerCommand, StateFolder } from '../adapters/model-server-process.ts';

/** How the worker starts its model server, when it does. */
export const ModelServerConfig = z.strictObject({
  /** A program on the PATH, or its path. */
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  /** Besides the worker's own environment. */
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().min(1).optional(),
  /** Failures in a row after which it is not started again. */
  maxRestarts: z.int().min(0).default(5),
  /** Seconds between SIGTERM and SIGKILL. */
  stopTimeout: z.number().min(0).default(10),
});
export type ModelServerConfig = z.input<typeof ModelServerConfig>;

/** What MODEL_SERVER_COMMAND says: a command with its arguments, or that there is none. */
export type CommandOverride = readonly [command: string, ...args: string[]] | 'none';

/** The model server that this worker starts and watches, checked and complete. */
export interface SupervisedModelServer {
  command: ModelServerCommand;
  /** Of the command; another one may not be taken over. */
  fingerprint: string;
  folder: StateFolder;
  /** Where it writes. */
  logFile: string;
  maxRestarts: number;
  /** Seconds. */
  stopTimeout: number;
}

/** Secrets of the worker, which a model server has no use for. */
const workersOwn = ['MASTER_TOKEN', 'CONTAINER_API_KEY', 'VAST_API_KEY', 'METRICS_TOKEN', 'API_KEYS'];

/** @returns undefined: whoever starts the model server, it is not us */
export function superviseFrom(
  options: z.output<typeof ModelServerConfig> | undefined,
  override: CommandOverride | undefined,
  { modelStateDir, modelLogFile }: { modelStateDir: string; modelLogFile: string | undefined },
  env: NodeJS.ProcessEnv,
): SupervisedModelServer | undefined {
  if (override === 'none' || (!options && !override)) return undefined;
  const { cwd, maxRestarts, stopTimeout, ...described } = options ?? ModelServerConfig.parse({ command: override?.[0] });
  const [command, ...args] = override ?? [described.command, ...described.args];
  const inherited = Object.fromEntries(Object.entries(env).filter(([name]) => !workersOwn.includes(name)));
  const folder = new StateFolder(modelStateDir);
  return {
    command: { command, args, env: { ...inherited, ...described.env }, cwd },
    fingerprint: digest([command, args, cwd, Object.entries(described.env), env.HF_TOKEN]),
    folder,
    logFile: modelLogFile ?? folder.logFile,
    maxRestarts,
    stopTimeout,
  };
}

const digest = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Words between blanks, or a JSON list for whatever needs quotes. @returns undefined: neither */
export function commandFrom(text: string): CommandOverride | undefined {
  const trimmed = text.trim();
  if (trimmed === 'none') return 'none';
  if (!trimmed.startsWith('[')) return /["'\\$`|&;<>]/.test(trimmed) ? undefined : asCommand(trimmed.split(/\s+/));
  try {
    return asCommand(z.array(z.string()).parse(JSON.parse(trimmed)));
  } catch {
    return undefined;
  }
}

const asCommand = ([command, ...args]: readonly string[]): CommandOverride | undefined => (command ? [command, ...args] : undefined);
