import { createLogFile } from './log-file.ts';

/** Log lines as text-embeddings-inference writes them: plain (with colours even into a pipe, unless NO_COLOR) or JSON. */

export type Level = 'INFO' | 'WARN' | 'ERROR';

/** Where in TEI's source a line comes from; readers match on it. */
export interface LogSource {
  target: string;
  file: string;
  line: number;
}

export interface Span {
  name: string;
  fields: Record<string, string>;
}

export type TeiLog = (level: Level, source: LogSource, message: string, span?: Span) => void;

export interface TeiLogOptions {
  json: boolean;
  color: boolean;
  /** Lines are appended to it, too. */
  file: string | undefined;
  write: (text: string) => void;
}

/** @throws OptionsError when the file cannot be written */
export function createTeiLog({ json, color, file, write }: TeiLogOptions): TeiLog {
  const format = json ? jsonLine : color ? coloredLine : plainLine;
  const append = file === undefined ? () => {} : createLogFile(file);
  return (level, source, message, span) => {
    const line = `${format(timestamp(), level, source, message, span)}\n`;
    write(line);
    append(line);
  };
}

export const sources = {
  main: { target: 'text_embeddings_router', file: 'router/src/main.rs', line: 216 },
  startDownload: { target: 'text_embeddings_core::download', file: 'core/src/download.rs', line: 42 },
  download: { target: 'text_embeddings_core::download', file: 'core/src/download.rs', line: 18 },
  downloaded: { target: 'text_embeddings_core::download', file: 'core/src/download.rs', line: 72 },
  maxTokens: { target: 'text_embeddings_router', file: 'router/src/lib.rs', line: 221 },
  tokenization: { target: 'text_embeddings_core::tokenization', file: 'core/src/tokenization.rs', line: 38 },
  startBackend: { target: 'text_embeddings_router', file: 'router/src/lib.rs', line: 271 },
  backend: { target: 'text_embeddings_backend', file: 'backends/src/lib.rs', line: 490 },
  engine: { target: 'cpu_model_server', file: 'src/lexical-engine.ts', line: 1 },
  warmUp: { target: 'text_embeddings_router', file: 'router/src/lib.rs', line: 289 },
  batchSize: { target: 'text_embeddings_router', file: 'router/src/lib.rs', line: 303 },
  forcedBatch: { target: 'text_embeddings_router', file: 'router/src/lib.rs', line: 304 },
  starting: { target: 'text_embeddings_router::http::server', file: 'router/src/http/server.rs', line: 1880 },
  ready: { target: 'text_embeddings_router::http::server', file: 'router/src/http/server.rs', line: 1881 },
  success: { target: 'text_embeddings_router::http::server', file: 'router/src/http/server.rs', line: 737 },
  permits: { target: 'text_embeddings_core::infer', file: 'core/src/infer.rs', line: 102 },
  inference: { target: 'text_embeddings_core::infer', file: 'core/src/infer.rs', line: 384 },
  shutdown: { target: 'text_embeddings_router::shutdown', file: 'router/src/shutdown.rs', line: 27 },
} as const satisfies Record<string, LogSource>;

/** RFC 3339 with microseconds. */
function timestamp(): string {
  const ms = performance.timeOrigin + performance.now();
  const micros = String(Math.floor((ms % 1) * 1000)).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${micros}Z`);
}

function plainLine(time: string, level: Level, source: LogSource, message: string, span?: Span): string {
  return `${time} ${level.padStart(5)} ${spanPrefix(span)}${source.target}: ${source.file}:${source.line}: ${message}`;
}

const dim = (text: string) => `\u001b[2m${text}\u001b[0m`;
const levelColor: Record<Level, string> = { INFO: '32', WARN: '33', ERROR: '31' };

function coloredLine(time: string, level: Level, source: LogSource, message: string, span?: Span): string {
  const fields = span ? Object.entries(span.fields).map(([key, value]) => `\u001b[3m${key}\u001b[0m${dim('=')}"${value}"`) : [];
  const prefix = span
    ? `\u001b[1m${span.name}\u001b[0m${fields.length > 0 ? `\u001b[1m{\u001b[0m${fields.join(' ')}\u001b[1m}\u001b[0m` : ''}${dim(':')} `
    : '';
  const levelText = `\u001b[${levelColor[level]}m${level.padStart(5)}\u001b[0m`;
  return `${dim(time)} ${levelText} ${prefix}${dim(source.target)}${dim(':')} ${dim(source.file)}${dim(':')}${dim(`${source.line}:`)} ${message}`;
}

function spanPrefix(span: Span | undefined): string {
  if (!span) return '';
  const fields = Object.entries(span.fields).map(([key, value]) => `${key}="${value}"`);
  return `${span.name}${fields.length > 0 ? `{${fields.join(' ')}}` : ''}: `;
}

function jsonLine(time: string, level: Level, source: LogSource, message: string, span?: Span): string {
  const sorted = span && { ...Object.fromEntries(Object.entries(span.fields).sort(([a], [b]) => a.localeCompare(b))), name: span.name };
  return JSON.stringify({
    timestamp: time,
    level,
    message,
    target: source.target,
    filename: source.file,
    line_number: source.line,
    ...(sorted ? { span: sorted, spans: [sorted] } : {}),
  });
}

/** As Rust prints a Duration. */
export function rustDuration(ms: number): string {
  const trim = (value: number) => String(Number(value.toFixed(6)));
  if (ms >= 1000) return `${trim(ms / 1000)}s`;
  return ms >= 1 ? `${trim(ms)}ms` : `${Number((ms * 1000).toFixed(3))}µs`;
}
