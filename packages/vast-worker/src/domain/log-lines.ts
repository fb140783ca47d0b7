import { stripVTControlCharacters } from 'node:util';

/** What the model server's log lines mean. */

/** A string matches as a substring (the reference's code; its documentation says prefix), a RegExp as written. */
export type LogPattern = string | RegExp;

export interface LogRules {
  onLoad: readonly LogPattern[];
  onError: readonly LogPattern[];
  onInfo: readonly LogPattern[];
}

export type LogMeaning =
  | { kind: 'model-loaded' }
  /** `rule` is the pattern's text, never the line: lines may hold customers' words. */
  | { kind: 'model-error'; rule: string }
  | { kind: 'progress'; rule: string };

/** Rules are tried in the order load, error, info; the first match decides. */
export function readLogLine(rawLine: string, rules: LogRules): LogMeaning | undefined {
  const line = cleanLogLine(rawLine);
  if (rules.onLoad.some((pattern) => matches(pattern, line))) return { kind: 'model-loaded' };
  const error = rules.onError.find((pattern) => matches(pattern, line));
  if (error !== undefined) return { kind: 'model-error', rule: patternText(error) };
  const info = rules.onInfo.find((pattern) => matches(pattern, line));
  if (info !== undefined) return { kind: 'progress', rule: patternText(info) };
  return undefined;
}

/** Colours off, and the carriage returns that vLLM ends the lines of one record with. */
export const cleanLogLine = (line: string): string => stripVTControlCharacters(line).trimEnd();

function matches(pattern: LogPattern, line: string): boolean {
  if (typeof pattern === 'string') return line.includes(pattern);
  pattern.lastIndex = 0; // a global or sticky RegExp remembers where it was
  return pattern.test(line);
}

const patternText = (pattern: LogPattern) => (typeof pattern === 'string' ? pattern : pattern.source);
