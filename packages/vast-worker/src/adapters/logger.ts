import { type Logger as PinoLogger, pino } from 'pino';

/** JSON lines on stdout. `info` tells the life of the worker, `debug` the life of a request. */
export type Logger = Pick<PinoLogger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'child' | 'level' | 'isLevelEnabled'>;

/** Fields that never reach a log, should one be passed by mistake. */
const secretFields = ['payload', 'body', 'auth', 'auth_data', 'signature', 'mtoken', 'masterToken', 'hfToken', 'authorization', 'api_key'];

export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: [...secretFields, ...secretFields.map((field) => `*.${field}`)],
  });
}

export const silentLogger: Logger = pino({ level: 'silent' });
