import { type FileHandle, open, stat, truncate } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { AbortScope } from './abort-scope.ts';
import type { Clock } from './clock.ts';

/**
 * Lines of a file that may be absent, grow, rotate (renamed or deleted and made again) or be truncated in place. Read
 * from its beginning. A line counts when its newline has come; what a rotated file still held is read before it is let go.
 */

const defaultPollMs = 100;
const chunkBytes = 64 * 1024;

/** A line longer than this is cut: a log is not a place to lose a worker's memory in. */
export const maxLineBytes = 1024 * 1024;

export interface TailOptions {
  /** Where to begin: at the file's beginning (default), or only with what is written from now on. */
  from?: 'beginning' | 'end';
  /** Whoever writes the file is gone: read to its end once more, and stop. */
  lastLook?: AbortSignal;
  /** Milliseconds to the next look; default 100. Each wakes the process: less often where nobody waits for a line. */
  pollMs?: () => number;
  /** A file of ours that has been read to here is emptied, so that it does not fill the disk. Its writer has to append. */
  emptyAtBytes?: number;
}

export async function* tailLines(
  path: string,
  clock: Clock,
  signal: AbortSignal,
  { from = 'beginning', lastLook, pollMs = () => defaultPollMs, emptyAtBytes = Number.POSITIVE_INFINITY }: TailOptions = {},
): AsyncGenerator<string, void> {
  const awake = lastLook ? AbortSignal.any([signal, lastLook]) : signal;
  let file = await openLog(path, from);
  try {
    while (!signal.aborted) {
      const isLastLook = lastLook?.aborted;
      file ??= await openLog(path, 'beginning');
      if (file && (isLastLook || (await file.hasChanged(path)))) {
        yield* file.readLines();
        const isReplaced = await file.isReplaced(path);
        if (isReplaced) yield* file.readLines(); // what was written between our last read and the rotation
        if (isReplaced || isLastLook) yield* file.flush();
        if (isReplaced) {
          await file.close();
          file = undefined;
          continue;
        }
        await file.emptyAt(emptyAtBytes, path);
      }
      if (isLastLook) return;
      await nap(clock, pollMs(), awake);
    }
  } finally {
    await file?.close();
  }
}

async function nap(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  using scope = new AbortScope(signal);
  await clock.sleep(ms, scope.signal).catch(() => undefined);
}

async function openLog(path: string, from: 'beginning' | 'end'): Promise<OpenLog | undefined> {
  try {
    const handle = await open(path, 'r');
    const { ino, dev, size } = await handle.stat();
    return new OpenLog(handle, `${dev}:${ino}`, from === 'end' ? size : 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

class OpenLog {
  readonly #handle: FileHandle;
  readonly #identity: string;
  readonly #splitter = new LineSplitter();
  readonly #buffer = Buffer.allocUnsafeSlow(chunkBytes);
  /** Of the first byte that was not read. */
  #offset: number;

  constructor(handle: FileHandle, identity: string, offset: number) {
    this.#handle = handle;
    this.#identity = identity;
    this.#offset = offset;
  }

  /** Of one look at the path: most find nothing new. True when the path is gone, too: its writer may still have the file. */
  async hasChanged(path: string): Promise<boolean> {
    try {
      const { ino, dev, size } = await stat(path);
      return size !== this.#offset || `${dev}:${ino}` !== this.#identity;
    } catch {
      return true;
    }
  }

  async *readLines(): AsyncGenerator<string, void> {
    const { size } = await this.#handle.stat();
    if (size < this.#offset) {
      this.#offset = 0; // truncated in place: begin again
      this.#splitter.reset();
    }
    for (;;) {
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, chunkBytes, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      yield* this.#splitter.push(this.#buffer.subarray(0, bytesRead));
    }
  }

  *flush(): Generator<string, void> {
    yield* this.#splitter.flush();
  }

  /** An unfinished line is kept here: its rest will be at the beginning. */
  async emptyAt(bytes: number, path: string): Promise<void> {
    if (this.#offset < bytes) return;
    await truncate(path);
    this.#offset = 0;
  }

  /** True when the path is another file by now. While it is absent the old one may still be written to. */
  async isReplaced(path: string): Promise<boolean> {
    try {
      const { ino, dev } = await stat(path);
      return `${dev}:${ino}` !== this.#identity;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Bytes in any portions → lines. CR LF counts as LF; a lone CR (progress bars) does not end a line; bad UTF-8 becomes U+FFFD. */
export class LineSplitter {
  #decoder = new StringDecoder('utf8');
  #partial = '';

  /** Forgets an unfinished line. */
  reset(): void {
    this.#decoder = new StringDecoder('utf8');
    this.#partial = '';
  }

  *push(bytes: Buffer): Generator<string, void> {
    const text = this.#partial + this.#decoder.write(bytes);
    let start = 0;
    for (let end = text.indexOf('\n', start); end !== -1; end = text.indexOf('\n', start)) {
      yield text.slice(start, text[end - 1] === '\r' ? end - 1 : end);
      start = end + 1;
    }
    this.#partial = text.slice(start, start + maxLineBytes);
  }

  /** The last line of a file that will not grow any more. */
  *flush(): Generator<string, void> {
    const rest = this.#partial + this.#decoder.end();
    this.#partial = '';
    if (rest !== '') yield rest;
  }
}
