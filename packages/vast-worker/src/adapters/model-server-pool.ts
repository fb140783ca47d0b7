import { Dispatcher } from 'undici';
import type { Clock } from './clock.ts';
import { ModelServerCall } from './model-server-call.ts';
import { type ConnectionOwner, connectionError, ModelServerConnection } from './model-server-connection.ts';
import { SilenceWatch } from './silence-watch.ts';

export interface ModelServerPoolOptions {
  /** http only. */
  origin: string;
  maxConnections: number;
  /** Seconds. */
  firstByteTimeout: number;
  /** Seconds. */
  idleTimeout: number;
  clock: Clock;
}

const lookEveryMs = 1_000;

/**
 * Connections to the model server, as one of undici's dispatchers: HTTP/1.1, one request at a time on each, nothing sent twice.
 * Why it is ours: docs/adr/0016-the-relays-own-http-client.md
 */
export class ModelServerPool extends Dispatcher implements ConnectionOwner {
  readonly #origin: URL;
  readonly #maxConnections: number;
  readonly #clock: Clock;
  readonly #watch: SilenceWatch;
  readonly #open = new Set<ModelServerConnection>();
  /** The one that was used last is last, and used next. */
  readonly #idle: ModelServerConnection[] = [];
  readonly #waiting: ModelServerCall[] = [];
  #stopLooking: (() => void) | undefined;
  #isClosed = false;

  constructor(options: ModelServerPoolOptions) {
    super();
    this.#origin = new URL(options.origin);
    this.#maxConnections = options.maxConnections;
    this.#clock = options.clock;
    this.#watch = new SilenceWatch(options);
  }

  /** @throws TypeError for what cannot be sent */
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#send(new ModelServerCall(this.#origin.host, options, handler));
    return true;
  }

  override destroy(): Promise<void> {
    this.#isClosed = true;
    this.#stopLooking?.();
    this.#stopLooking = undefined;
    for (const connection of this.#open) connection.destroy(closed());
    for (const call of this.#waiting.splice(0)) call.handler.onResponseError?.(call, closed());
    return Promise.resolve();
  }

  isFree(connection: ModelServerConnection): void {
    for (let call = this.#waiting.shift(); call; call = this.#waiting.shift()) if (connection.send(call)) return;
    connection.idleUntilMs = this.#clock.now() + connection.maxIdleMs;
    this.#idle.push(connection);
    this.#stopLooking ??= this.#clock.after(lookEveryMs, () => this.#closeIdle());
  }

  isGone(connection: ModelServerConnection): void {
    this.#open.delete(connection);
    const position = this.#idle.indexOf(connection);
    if (position !== -1) this.#idle.splice(position, 1);
    const call = this.#waiting.shift();
    if (call) this.#send(call);
  }

  #send(call: ModelServerCall): void {
    if (this.#isClosed) call.handler.onResponseError?.(call, closed());
    else if (this.#idle.length === 0 && this.#open.size >= this.#maxConnections) this.#waiting.push(call);
    else {
      const connection = this.#idle.pop() ?? this.#connect();
      if (!connection.send(call)) this.isFree(connection);
    }
  }

  #connect(): ModelServerConnection {
    const connection = new ModelServerConnection(this.#origin, this.#watch, this);
    this.#open.add(connection);
    return connection;
  }

  #closeIdle(): void {
    this.#stopLooking = undefined;
    const nextLookMs = this.#clock.now() + lookEveryMs;
    for (const connection of [...this.#idle]) if (connection.idleUntilMs <= nextLookMs) connection.destroy(closed());
    if (this.#idle.length > 0) this.#stopLooking = this.#clock.after(lookEveryMs, () => this.#closeIdle());
  }
}

const closed = () => connectionError('ECONNABORTED', 'closed from this side');
