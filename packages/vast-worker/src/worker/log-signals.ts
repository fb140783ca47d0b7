import type { Logger } from '../adapters/logger.ts';
import { type LogRules, readLogLine } from '../domain/log-lines.ts';
import { isLoading } from '../domain/readiness.ts';
import type { HealthWatch } from './health-watch.ts';
import type { WorkerState } from './state.ts';

export interface LogSignalDeps {
  state: WorkerState;
  watch: Pick<HealthWatch, 'suspect'>;
  log: Logger;
  rules: LogRules;
}

/** Between two looks at the log: a line that says loaded is waited for, one that tells of an error asks for a second look. */
export const logPollMs = ({ phase }: WorkerState) => (isLoading(phase) ? 100 : 500);

/**
 * What a line of the model server's log does to the worker. Before it is ready an error line fails the start; later it only
 * asks for a second look.
 */
export function applyLogLine(line: string, { state, watch, log, rules }: LogSignalDeps): void {
  const meaning = readLogLine(line, rules);
  switch (meaning?.kind) {
    case 'model-loaded':
      state.signal('model-loaded', 'the log says that the model is loaded; benchmarking');
      break;
    case 'model-error':
      if (state.phase === 'ready') watch.suspect();
      else state.signal('model-failed', `the model server's log matched: ${meaning.rule}`);
      break;
    case 'progress':
      log.info({ rule: meaning.rule }, 'model server progress');
      break;
    default:
  }
}
