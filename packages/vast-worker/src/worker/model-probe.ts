import { connect } from 'node:net';
import { hostOf } from '../adapters/host-of.ts';
import type { ModelServerClient, ProbeResult } from '../adapters/model-server-client.ts';

/** Asks whether the model server is there: its health, or, where it has no health route, whether it accepts connections. */
export class ModelProbe {
  readonly #modelServer: ModelServerClient;
  readonly #healthUrl: string;
  /** Only an assumed health URL may turn out not to exist. */
  readonly #mayLackHealth: boolean;
  #lacksHealth = false;

  constructor(options: { modelServer: ModelServerClient; healthUrl: string; isHealthUrlConfigured: boolean }) {
    this.#modelServer = options.modelServer;
    this.#healthUrl = options.healthUrl;
    this.#mayLackHealth = !options.isHealthUrlConfigured;
  }

  async check(timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    if (this.#lacksHealth) return this.#checkPort(timeoutMs, signal);
    const result = await this.#modelServer.probe(this.#healthUrl, timeoutMs, signal);
    if (this.#mayLackHealth && (result.status === 404 || result.status === 405)) {
      this.#lacksHealth = true;
      return { ok: true, status: result.status, isRefused: false, description: 'accepts connections (it has no /health)' };
    }
    return result;
  }

  #checkPort(timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
    const url = new URL(this.#healthUrl);
    return new Promise((resolve) => {
      const socket = connect({ host: hostOf(url), port: Number(url.port), signal, timeout: timeoutMs });
      const settle = (ok: boolean, isRefused: boolean, description: string) => {
        socket.destroy();
        resolve({ ok, status: undefined, isRefused, description });
      };
      socket.once('connect', () => settle(true, false, 'accepts connections'));
      socket.once('timeout', () => settle(false, false, `does not accept a connection within ${timeoutMs / 1000} s`));
      socket.once('error', (error: NodeJS.ErrnoException) =>
        settle(false, error.code === 'ECONNREFUSED', error.code === 'ECONNREFUSED' ? 'refuses connections' : 'cannot be reached'),
      );
    });
  }
}
