import { stripVTControlCharacters } from 'node:util';

/** Levels that are shown without --verbose. */
const alwaysShown = new Set(['warn', 'error', 'fatal']);
/** Said by `npm start` itself, or meant for production. */
const quietMessages = new Set(['UNSECURED: signatures are not verified']);

/** One log line for people: JSON lines become words. undefined: not worth showing. */
export function readableLine(line: string, verbose: boolean): string | undefined {
  const record = parseRecord(line);
  if (!record) return verbose || /\bERROR\b|^Error: |error TS\d|ERROR /.test(line) ? stripVTControlCharacters(line) : undefined;
  const { level, msg, time: _time, ...facts } = record;
  const isPhase = msg === 'phase changed';
  if (!verbose && !isPhase && (!alwaysShown.has(level) || quietMessages.has(msg))) return undefined;
  if (isPhase && !verbose) return `${String(facts.phase)}: ${String(facts.reason)}`;
  const rest = Object.entries(facts).map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [level.padEnd(5), msg, ...rest].join(' ').trim();
}

interface LogRecord extends Record<string, unknown> {
  level: string;
  msg: string;
}

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const record = JSON.parse(line) as Partial<LogRecord>;
    return typeof record.level === 'string' && typeof record.msg === 'string' ? (record as LogRecord) : undefined;
  } catch {
    return undefined;
  }
}
