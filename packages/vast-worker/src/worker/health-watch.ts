import { AbortScope } from '../adapters/abort-scope.ts';
import type { ProbeResult } from '../adapters/model-server-client.ts';
import { canary, type StartUpDeps } from './start-up.ts';

/**
 * Watches a ready worker's model server, and waits for one that has gone. One bad probe condemns nobody: a refused
 * connection has to be refused twice, anything else three times in a row, and a log line only asks for a second look.
 */
export class HealthWatch {
  readonly #deps: StartUpDeps;
  #isSuspected = false;
  #wake: (() => void) | undefined;

  constructor(deps: StartUpDeps) {
    this.#deps = deps;
    deps.modelServer.onUnreachable = () => this.#wake?.();
  }

  /** An error line in the log of a ready worker's model server: ask it for an answer. */
  suspect(): void {
    this.#isSuspected = true;
    this.#wake?.();
  }

  /** `ready` → `failed`, when the model server has gone or does not answer. */
  async watch(signal: AbortSignal): Promise<void> {
    const { state, probe, probeTimeoutMs, metrics, log } = this.#deps;
    let failures = 0;
    this.#isSuspected = false;
    while (state.phase === 'ready') {
      const health = await probe.check(probeTimeoutMs, signal);
      signal.throwIfAborted();
      metrics.modelServerUp(health.ok);
      failures = health.ok ? 0 : failures + 1;
      if (failures > 0) log.warn({ modelServer: health.description, failures }, 'health check failed');
      if (failures >= failuresAllowed(health)) {
        state.signal('model-failed', `the model server ${health.description}`);
        return;
      }
      if (health.ok && this.#isSuspected) await this.#lookTwice(signal);
      await this.#pause(failures > 0 ? retryPauseMs : watchPauseMs, signal);
    }
  }

  /** `failed` → `confirming`, or `benchmarking` when it never got that far, once the model server serves. */
  async awaitRecovery(signal: AbortSignal): Promise<void> {
    const { state, probe, probeTimeoutMs, metrics } = this.#deps;
    while (state.phase === 'failed') {
      await this.#pause(watchPauseMs, signal);
      const health = await probe.check(probeTimeoutMs, signal);
      signal.throwIfAborted();
      metrics.modelServerUp(health.ok);
      if (!health.ok || (await canary(this.#deps, signal)) !== undefined) continue;
      if (state.perf > 0) state.signal('model-back', 'the model server is back; confirming');
      else state.signal('model-loaded', 'the model server is back; benchmarking');
    }
  }

  async #lookTwice(signal: AbortSignal): Promise<void> {
    this.#isSuspected = false;
    const { state, log, clock } = this.#deps;
    if ((await canary(this.#deps, signal)) === undefined) {
      log.info({}, 'canary answered; the error line condemns nobody');
      return;
    }
    await clock.sleep(watchPauseMs, signal);
    const failure = await canary(this.#deps, signal);
    if (failure !== undefined) state.signal('model-failed', `the model server does not serve: ${failure}`);
  }

  /** Ends early when there is a reason to look at once. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    using scope = new AbortScope(signal);
    this.#wake = () => scope.abort(new Error('look at once'));
    await this.#deps.clock.sleep(ms, scope.signal).catch(() => undefined);
    this.#wake = undefined;
    signal.throwIfAborted();
  }
}

const watchPauseMs = 1_000;
const retryPauseMs = 200;

const failuresAllowed = (health: ProbeResult) => (health.isRefused ? 2 : 3);
