import { connect, type Socket } from 'node:net';
import { type AnswerHeaders, AnswerParser, type AnswerReceiver } from './answer-parser.ts';
import { hostOf } from './host-of.ts';
import type { Carrier, ModelServerCall } from './model-server-call.ts';
import type { SilenceWatch } from './silence-watch.ts';

/** One connection to the model server, and the request that it carries at present. */

export interface ConnectionOwner {
  /** It may carry the next request. */
  isFree(connection: ModelServerConnection): void;
  /** It carries nothing any more. Called once. */
  isGone(connection: ModelServerConnection): void;
}

const connectTimeoutMs = 5_000;
const keepAliveProbeMs = 60_000;
/** vLLM closes after 5 s. */
const defaultMaxIdleMs = 4_000;
const longestIdleMs = 60_000;

/** All connections read into this: whoever is called is done with it before the next one reads. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
/** Bodies up to here are put behind their head, and leave in one piece: larger ones cost more to copy than that saves. */
const maxJoinedBytes = 4 * 1024;

export class ModelServerConnection implements AnswerReceiver, Carrier {
  readonly #owner: ConnectionOwner;
  readonly #watch: SilenceWatch;
  readonly #parser = new AnswerParser(this);
  readonly #socket: Socket;
  #call: ModelServerCall | undefined;
  #isOver = false;
  /** When it has to be let go, if it carries nothing until then. Set by the owner. */
  idleUntilMs = 0;
  #maxIdleMs = defaultMaxIdleMs;

  constructor(origin: URL, watch: SilenceWatch, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#watch = watch;
    this.#socket = connect({
      host: hostOf(origin),
      port: Number(origin.port || 80),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveProbeMs,
      onread: { buffer: readBuffer, callback: (bytes) => this.#read(bytes) },
    });
    this.#socket.setTimeout(connectTimeoutMs, () => this.destroy(connectionError('ETIMEDOUT', 'not connected in time')));
    this.#socket.once('connect', () => this.#socket.setTimeout(0));
    this.#socket.on('error', (error) => this.destroy(error));
    this.#socket.once('end', () => this.#close());
    this.#socket.once('close', () => this.destroy(connectionError('ECONNRESET', 'the connection was closed')));
  }

  /** How long it may carry nothing: the model server must not close it in the moment in which the next request comes. */
  get maxIdleMs(): number {
    return this.#maxIdleMs;
  }

  /** @returns false when the call was over before it could begin, and the connection is as free as before */
  send(call: ModelServerCall): boolean {
    call.handler.onRequestStart?.(call, undefined);
    if (call.aborted) {
      call.handler.onResponseError?.(call, call.reason as Error);
      return false;
    }
    this.#call = call;
    call.carrier = this;
    this.#watch.begin(call);
    this.#parser.expect(call.method);
    this.#write(call.head, call.body);
    return true;
  }

  /** Ends the call, if there is one, with this error. */
  destroy(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    const call = this.#takeCall();
    call?.handler.onResponseError?.(call, error);
    this.#owner.isGone(this);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  onHead(status: number, headers: AnswerHeaders): void {
    const call = this.#call as ModelServerCall;
    call.hasBegun = true;
    this.#maxIdleMs = maxIdleOf(headers['keep-alive']);
    call.handler.onResponseStart?.(call, status, headers);
  }

  onBody(piece: Buffer): void {
    // A handler that aborts in the middle of what was read gets no more of it.
    if (this.#call) this.#call.handler.onResponseData?.(this.#call, piece);
  }

  #write(head: string, body: Buffer | undefined): void {
    if (body === undefined) this.#socket.write(head, 'latin1');
    else if (body.length > maxJoinedBytes) {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    } else {
      const bytes = Buffer.allocUnsafe(head.length + body.length);
      bytes.write(head, 'latin1');
      body.copy(bytes, head.length);
      this.#socket.write(bytes);
    }
  }

  #read(bytes: number): true {
    const call = this.#call;
    if (call) {
      this.#watch.heard(call);
      try {
        this.#parser.read(readBuffer, bytes);
        if (this.#parser.isComplete) this.#complete(call);
      } catch (error) {
        this.destroy(error as Error);
      }
    } else this.destroy(connectionError('ECONNRESET', 'the model server said something unasked'));
    return true; // who has enough pauses
  }

  /** The model server closes: with it ends an answer that does not say how long it is. */
  #close(): void {
    const call = this.#call;
    try {
      if (call) {
        this.#parser.close();
        this.#complete(call);
      }
    } catch (error) {
      this.destroy(error as Error);
    }
    this.destroy(connectionError('ECONNRESET', 'the model server closed the connection'));
  }

  #complete(call: ModelServerCall): void {
    if (call !== this.#call) return; // it was ended while its answer was read
    call.handler.onResponseEnd?.(call, {});
    this.#takeCall();
    if (call.paused) this.#socket.resume();
    // An answer before the whole request is with the model server: it does not read the rest.
    if (this.#parser.isReusable && this.#maxIdleMs > 0 && this.#socket.writableLength === 0) this.#owner.isFree(this);
    else this.destroy(connectionError('ECONNRESET', 'not to be used again'));
  }

  #takeCall(): ModelServerCall | undefined {
    const call = this.#call;
    this.#call = undefined;
    if (!call) return undefined;
    call.carrier = undefined;
    this.#watch.end(call);
    return call;
  }
}

export const connectionError = (code: string, message: string) => Object.assign(new Error(message), { code });

/** Some servers say how long they wait: a second less than that. */
function maxIdleOf(keepAlive: string | string[] | undefined): number {
  const seconds = keepAlive === undefined ? undefined : /\btimeout=(\d+)/i.exec(String(keepAlive))?.[1];
  return seconds === undefined ? defaultMaxIdleMs : Math.min((Number(seconds) - 1) * 1000, longestIdleMs);
}
