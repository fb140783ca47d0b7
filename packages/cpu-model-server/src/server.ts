import type { ModelServerOptions } from './options.ts';

/** What a started server is, in either dialect. */

export interface ModelServer {
  url: string;
  port: number;
  /** Resolves when it ends by itself, as vLLM does after the death of its engine: exit code 0. */
  ended: Promise<void>;
  /** Stops accepting, finishes what is in flight (vllm: as long as it was told to wait), and resolves. */
  stop(): Promise<void>;
}

export interface Surroundings {
  /** Default: standard output. */
  write?: (text: string) => void;
  /** Default: standard error. vLLM's log uses both. */
  writeError?: (text: string) => void;
  /** Default true: ANSI colours, as TEI writes them even into a pipe. */
  color?: boolean;
  /** Ends the loading early. */
  signal?: AbortSignal;
}

/** A start that fails as that of the real server does: the message is what it says last, on stderr; exit code 1. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** A model that cannot be loaded, or is none for what it is asked to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}

export function bindProblem(error: NodeJS.ErrnoException, { port }: ModelServerOptions): string {
  const hint = error.code === 'EADDRINUSE' ? `\n\nPort ${port} is taken: choose another with --port or PORT.` : '';
  return `${error.message}${hint}`;
}
