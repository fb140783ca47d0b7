import { createLogFile } from './log-file.ts';

/**
 * Log lines as vLLM's V1 engine writes them. The logger writes records to stdout: `({process} pid={n}) LEVEL MM-DD HH:MM:SS
 * [file:line] message`, local time; the lines of one record are joined by CR LF and each repeats the prefix. uvicorn's life and bare
 * tracebacks go to stderr, with the prefix of the process alone.
 */

export type VllmLevel = 'INFO' | 'WARNING' | 'ERROR';
type ProcessName = 'APIServer' | 'EngineCore';

export interface VllmLog {
  /** Of the API process. `source` is `file:line` of vLLM's; readers match messages, not sources. */
  api(level: VllmLevel, source: string, message: string): void;
  engine(level: VllmLevel, source: string, message: string): void;
  /** uvicorn's life: stderr. */
  uvicorn(message: string): void;
  /** uvicorn's access line: stdout. */
  access(message: string): void;
  /** A bare traceback or progress bar: stderr, line by line. */
  bare(process: ProcessName, text: string): void;
}

export interface VllmLogOptions {
  /** Both are shown with every line: here one process is both. */
  pid: number;
  file: string | undefined;
  write: (text: string) => void;
  writeError: (text: string) => void;
  now: () => Date;
}

/** @throws OptionsError when the file cannot be written */
export function createVllmLog({ pid, file, write, writeError, now }: VllmLogOptions): VllmLog {
  const append = file === undefined ? () => {} : createLogFile(file);
  const out = (text: string) => {
    write(text);
    append(text);
  };
  const err = (text: string) => {
    writeError(text);
    append(text);
  };
  const prefix = (name: ProcessName) => `(${name} pid=${pid}) `;
  const record = (name: ProcessName, level: VllmLevel, source: string, message: string) => {
    const head = `${prefix(name)}${level} ${timeText(now())} [${source}] `;
    const lines = message.split('\n').map((line) => head + line);
    out(`${lines.join('\r\n')}\n`);
  };
  return {
    api: (level, source, message) => record('APIServer', level, source, message),
    engine: (level, source, message) => record('EngineCore', level, source, message),
    uvicorn: (message) => err(`${prefix('APIServer')}INFO:     ${message}\n`),
    access: (message) => out(`${prefix('APIServer')}INFO:     ${message}\n`),
    bare: (name, text) => err(bareLines(prefix(name), text)),
  };
}

/** The last words of a start that failed, for stderr. */
export const lastWords = (pid: number, text: string): string => bareLines(`(APIServer pid=${pid}) `, text).trimEnd();

const bareLines = (prefix: string, text: string) =>
  text
    .split('\n')
    .map((line) => `${prefix}${line}\n`)
    .join('');

function timeText(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
