import type { Dispatcher } from 'undici';
import { WorkerError } from '../errors.ts';
import { pathPattern, textPattern, tokenPattern } from './http-grammar.ts';
import type { AwaitedAnswer } from './silence-watch.ts';

/** Whatever carries a call, once it is on its way. */
export interface Carrier {
  destroy(error: Error): void;
  pause(): void;
  resume(): void;
}

/** One request to the model server, as its bytes and as its handler holds it. */
export class ModelServerCall implements Dispatcher.DispatchController, AwaitedAnswer {
  readonly method: string;
  readonly head: string;
  readonly body: Buffer | undefined;
  readonly handler: Dispatcher.DispatchHandler;
  /** undefined: it waits for one, or is over. */
  carrier: Carrier | undefined;
  paused = false;
  reason: Error | null = null;
  hasBegun = false;
  position: number | undefined;
  heardAtTick = 0;

  /** @throws TypeError for what cannot be sent: a path, a method or a header that would end before its end */
  constructor(host: string, options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    this.method = options.method;
    this.body = bytesOf(options.body);
    this.head = headOf(host, options, this.body);
    this.handler = handler;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  abort(reason: Error): void {
    if (this.reason) return;
    this.reason = reason;
    this.carrier?.destroy(reason);
  }

  gaveUp(reason: string): void {
    this.abort(new WorkerError('MODEL_SERVER_TIMEOUT', reason));
  }

  pause(): void {
    this.paused = true;
    this.carrier?.pause();
  }

  resume(): void {
    this.paused = false;
    this.carrier?.resume();
  }
}

function bytesOf(body: Dispatcher.DispatchOptions['body']): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (Buffer.isBuffer(body)) return body;
  throw new TypeError('the model server is sent texts and buffers only');
}

/** They say whose a request is and where it ends, and are ours to set. */
const framing = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'expect', 'trailer', 'te']);
const onlyToken = new RegExp(`^${tokenPattern}$`);
const onlyText = new RegExp(`^${textPattern}$`);
const onlyPath = new RegExp(`^${pathPattern}$`);

function headOf(host: string, { method, path, headers }: Dispatcher.DispatchOptions, body: Buffer | undefined): string {
  if (!onlyToken.test(method) || method === 'CONNECT') throw new TypeError(`no method: ${JSON.stringify(method)}`);
  if (!onlyPath.test(path)) throw new TypeError(`a path begins with / and is percent-encoded; found ${JSON.stringify(path)}`);
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (!onlyToken.test(name) || framing.has(name.toLowerCase())) throw new TypeError(`no header to send: ${JSON.stringify(name)}`);
    if (!onlyText.test(String(value))) throw new TypeError(`the header ${name} has a value that cannot be sent`);
    head += `${name}: ${value}\r\n`;
  }
  const isEmpty = body === undefined && (method === 'GET' || method === 'HEAD');
  return isEmpty ? `${head}\r\n` : `${head}content-length: ${body?.length ?? 0}\r\n\r\n`;
}
