import { textPattern, tokenPattern } from './http-grammar.ts';

/**
 * Answers of HTTP/1.1 (RFC 9112) from the bytes of a connection, however they are cut. Stricter than the standard asks: what two
 * readers could read in two ways is no answer.
 */

export interface AnswerReceiver {
  /** @param headers names in lower case, values in Latin-1; of a name that is repeated all values, in their order */
  onHead(status: number, headers: AnswerHeaders): void;
  /** @param piece a copy: the bytes that were read are the reader's */
  onBody(piece: Buffer): void;
}

export type AnswerHeaders = Record<string, string | string[]>;

/** What came is no answer, or not the whole of one. Quotes nothing of it. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly code: 'ANSWER_MALFORMED' | 'ANSWER_TOO_LARGE' | 'ANSWER_INCOMPLETE';

  constructor(code: AnswerError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Of a head, and of a line between chunks. */
const maxHeadBytes = 16 * 1024;
const maxTrailers = 64;

type Part = 'over' | 'head' | 'sized' | 'until-close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers';

export class AnswerParser {
  readonly #receiver: AnswerReceiver;
  #part: Part = 'over';
  #isBodiless = false;
  #isReusable = false;
  /** A head or line, up to where it has come. */
  #text = '';
  /** Of the body, or of its present chunk. */
  #bytesLeft = 0;
  #trailersLeft = 0;

  constructor(receiver: AnswerReceiver) {
    this.#receiver = receiver;
  }

  /** Nothing more belongs to the answer. */
  get isComplete(): boolean {
    return this.#part === 'over';
  }

  /** The connection may carry another request. Valid when the answer is complete. */
  get isReusable(): boolean {
    return this.#isReusable;
  }

  /** The next answer is waited for. */
  expect(method: string): void {
    this.#part = 'head';
    this.#isBodiless = method === 'HEAD';
  }

  /** Reads what is there, up to `end`. @throws AnswerError, and whatever the receiver throws */
  read(bytes: Buffer, end: number): void {
    let at = 0;
    while (at < end && this.#part !== 'over') at = this.#readPart(bytes, at, end);
    if (at < end) this.#isReusable = false; // whose it is cannot be said
  }

  /** No more will come: the end of an answer that does not say how long it is. @throws AnswerError for any other */
  close(): void {
    if (this.#part !== 'until-close') throw new AnswerError('ANSWER_INCOMPLETE', 'the connection was closed before the end of the answer');
    this.#part = 'over';
  }

  /** @returns where the next part begins */
  #readPart(bytes: Buffer, at: number, end: number): number {
    switch (this.#part) {
      case 'head':
        return this.#readHead(bytes, at, end);
      case 'sized':
      case 'until-close':
      case 'chunk':
        return this.#readBody(bytes, at, end);
      case 'chunk-size':
      case 'chunk-end':
      case 'trailers':
        return this.#readLine(bytes, at, end);
      case 'over':
        return at;
    }
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    const next = this.#take(bytes, at, end, '\r\n\r\n');
    if (next === undefined) return end;
    const { status, isPersistent, headers } = parseHead(this.#text);
    this.#text = '';
    if (status < 200) {
      if (status === 101 || !isPersistent) throw malformed('an interim answer that nothing can follow');
      return next;
    }
    this.#frame(status, isPersistent, headers);
    this.#receiver.onHead(status, headers);
    return next;
  }

  /** How long the body is, by section 6.3 of the standard. */
  #frame(status: number, isPersistent: boolean, headers: AnswerHeaders): void {
    const { 'transfer-encoding': coding, 'content-length': length } = headers;
    this.#isReusable = isPersistent;
    if (coding !== undefined && (length !== undefined || String(coding).toLowerCase() !== 'chunked')) throw malformed('unknown framing');
    if (length !== undefined && !/^\d{1,15}$/.test(String(length))) throw malformed('a content-length that is no number');
    this.#bytesLeft = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
    if (this.#isBodiless || status === 204 || status === 304 || this.#bytesLeft === 0) this.#part = 'over';
    else if (coding !== undefined) this.#part = 'chunk-size';
    else if (length !== undefined) this.#part = 'sized';
    else {
      this.#part = 'until-close';
      this.#isReusable = false;
    }
  }

  #readBody(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#bytesLeft);
    this.#bytesLeft -= stop - at;
    if (this.#bytesLeft === 0) this.#part = this.#part === 'chunk' ? 'chunk-end' : 'over';
    const piece = Buffer.allocUnsafe(stop - at);
    bytes.copy(piece, 0, at, stop);
    this.#receiver.onBody(piece);
    return stop;
  }

  #readLine(bytes: Buffer, at: number, end: number): number {
    const next = this.#take(bytes, at, end, '\r\n');
    if (next === undefined) return end;
    const line = this.#text;
    this.#text = '';
    if (this.#part === 'chunk-size') this.#beginChunk(line);
    else if (this.#part === 'chunk-end') this.#endChunk(line);
    else this.#passTrailer(line);
    return next;
  }

  #beginChunk(line: string): void {
    const size = chunkSizePattern.exec(line)?.[1];
    if (size === undefined) throw malformed('a chunk without its size');
    this.#bytesLeft = Number.parseInt(size, 16);
    this.#part = this.#bytesLeft === 0 ? 'trailers' : 'chunk';
    this.#trailersLeft = maxTrailers;
  }

  #endChunk(line: string): void {
    if (line !== '') throw malformed('a chunk longer than its size');
    this.#part = 'chunk-size';
  }

  #passTrailer(line: string): void {
    this.#trailersLeft -= 1;
    if (line === '') this.#part = 'over';
    else if (!trailerPattern.test(line)) throw malformed('a trailer that is no header');
    else if (this.#trailersLeft === 0) throw new AnswerError('ANSWER_TOO_LARGE', `over ${maxTrailers} trailers`);
  }

  /** Moves what comes before `mark` to `#text`. @returns the position after the mark; undefined: it has not come yet */
  #take(bytes: Buffer, at: number, end: number, mark: string): number | undefined {
    const found = this.#text === '' ? bytes.indexOf(mark, at, 'latin1') : -1;
    if (found === -1 || found + mark.length > end) return this.#takeInPieces(bytes, at, end, mark);
    this.#keep(bytes.toString('latin1', at, found));
    return found + mark.length;
  }

  /** The mark itself may be cut. */
  #takeInPieces(bytes: Buffer, at: number, end: number, mark: string): number | undefined {
    const before = this.#text.length;
    const text = this.#text + bytes.toString('latin1', at, end);
    const found = text.indexOf(mark, Math.max(0, before - mark.length + 1));
    this.#keep(found === -1 ? text : text.slice(0, found));
    return found === -1 ? undefined : at + found + mark.length - before;
  }

  #keep(text: string): void {
    if (text.length > maxHeadBytes) throw new AnswerError('ANSWER_TOO_LARGE', `a head or line of over ${maxHeadBytes} bytes`);
    this.#text = text;
  }
}

const malformed = (what: string) => new AnswerError('ANSWER_MALFORMED', what);

const headPattern = new RegExp(String.raw`^HTTP/1\.[01] [1-9]\d\d(?: ${textPattern})?(?:\r\n${tokenPattern}:${textPattern})*$`);
/** What says how long an answer is comes before it. */
const trailerPattern = new RegExp(`^(?!content-length:|transfer-encoding:)${tokenPattern}:${textPattern}$`, 'i');
/** With its extensions, of which no name is known. */
const chunkSizePattern = new RegExp(
  String.raw`^([0-9a-fA-F]{1,12})(?:;${tokenPattern}(?:=(?:${tokenPattern}|"[\t !#-\x5b\x5d-\x7e\x80-\xff]*"))?)*$`,
);

function parseHead(text: string): { status: number; isPersistent: boolean; headers: AnswerHeaders } {
  if (!headPattern.test(text)) throw malformed('no head of an answer');
  const headers = { __proto__: null } as unknown as AnswerHeaders;
  let at = text.indexOf('\r\n');
  while (at !== -1) {
    const colon = text.indexOf(':', at);
    const end = text.indexOf('\r\n', colon);
    const name = text.slice(at + 2, colon).toLowerCase();
    const value = withoutSpaces(text, colon + 1, end === -1 ? text.length : end);
    const others = headers[name];
    headers[name] = others === undefined ? value : [others, value].flat();
    at = end;
  }
  const isPersistent = text.startsWith('HTTP/1.1') && !/\bclose\b/i.test(String(headers.connection));
  return { status: Number(text.slice(9, 12)), isPersistent, headers };
}

/** Tabs stay: readers differ in what a length or a coding means that has one. */
function withoutSpaces(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && text.charCodeAt(start) === 0x20) start += 1;
  while (start < end && text.charCodeAt(end - 1) === 0x20) end -= 1;
  return text.slice(start, end);
}
