import { connect, type Socket } from 'node:net';

/**
 * One keep-alive connection of the load generator, with as little of HTTP/1.1 as a measurement needs: what it takes of the two cores
 * is missing to what is measured. One answer at a time; trailers and interim answers are not known here.
 */
export interface AnswerReader {
  /** A piece of the body, one character for each byte. Pieces are cut anywhere. */
  onText?(text: string): void;
  /** undefined: the connection was lost before the answer was whole. */
  onEnd(status: number | undefined): void;
}

const idleTimeoutMs = 60_000;
/** Read into by all connections: whoever is called is done with it before the next is. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

export class Connection {
  readonly #url: URL;
  #socket: Socket | undefined;
  #reader: AnswerReader | undefined;
  #head = '';
  #status: number | undefined;
  /** Of the body, or of its present chunk. */
  #bytesLeft = 0;
  #isChunked = false;
  #chunkLine = '';
  #isLastChunk = false;

  constructor(origin: string) {
    this.#url = new URL(origin);
  }

  /** @param body of characters that are one byte each */
  post(path: string, body: string, reader: AnswerReader): void {
    this.#reader = reader;
    this.#head = '';
    this.#status = undefined;
    this.#socket ??= this.#connect();
    const head = `POST ${path} HTTP/1.1\r\nhost: ${this.#url.host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    this.#socket.write(head + body, 'latin1');
  }

  destroy(): void {
    this.#reader = undefined;
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const onread = { buffer, callback: (bytes: number) => this.#read(bytes) };
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true, onread });
    socket.setTimeout(idleTimeoutMs, () => socket.destroy());
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#end(undefined);
    });
    return socket;
  }

  #end(status: number | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.onEnd(status);
  }

  #read(bytes: number): true {
    let start = 0;
    if (this.#status === undefined) {
      const before = this.#head.length;
      this.#head += buffer.toString('latin1', 0, bytes);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return true;
      start = end + 4 - before;
      this.#readHead(this.#head.slice(0, end));
    }
    if (this.#isChunked) this.#readChunks(start, bytes);
    else {
      this.#takeBody(start, bytes);
      if (this.#bytesLeft === 0) this.#end(this.#status);
    }
    return true;
  }

  #readHead(head: string): void {
    this.#status = Number(head.slice(9, 12));
    const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#isChunked = length === undefined;
    this.#bytesLeft = Number(length ?? 0);
    this.#chunkLine = '';
    this.#isLastChunk = false;
  }

  #readChunks(start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#bytesLeft > 0) at = this.#takeBody(at, end);
      else {
        const byte = buffer[at++] as number;
        if (byte !== 0x0a) {
          if (byte !== 0x0d) this.#chunkLine += String.fromCharCode(byte);
        } else if (this.#chunkLine !== '') {
          this.#bytesLeft = Number.parseInt(this.#chunkLine, 16);
          this.#isLastChunk = this.#bytesLeft === 0;
          this.#chunkLine = '';
        } else if (this.#isLastChunk) this.#end(this.#status);
      }
    }
  }

  /** @returns where it ends, in the buffer */
  #takeBody(start: number, end: number): number {
    const stop = Math.min(end, start + this.#bytesLeft);
    this.#bytesLeft -= stop - start;
    if (stop > start) this.#reader?.onText?.(buffer.toString('latin1', start, stop));
    return stop;
  }
}
