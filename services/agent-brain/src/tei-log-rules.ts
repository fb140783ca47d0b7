import type { LogActionConfig } from '@bluefly/vast-worker';

/**
 * text-embeddings-inference's log, plain or JSON. A bare `Ready` is not enough: older versions write customers' texts
 * into their lines. Out of memory is fatal only before ready, and then always followed by one of the error lines.
 */
export const teiLogRules: LogActionConfig = {
  onLoad: [/(http|grpc)::server: .*: Ready$/, /"message":"Ready"/],
  onError: [/^Error: /, /panicked at/, /Could not start \w+ backend/],
  onInfo: ['Starting download', 'Model artifacts downloaded', 'Starting model backend', 'Model weights downloaded', 'Warming up model'],
};
