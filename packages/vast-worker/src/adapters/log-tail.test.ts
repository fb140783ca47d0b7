import { appendFile, mkdtemp, rename, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from './clock.ts';
import { LineSplitter, maxLineBytes, type TailOptions, tailLines } from './log-tail.ts';

/** A clock that never waits long and counts the waits, each of which ends one look at the file. */
function countingClock() {
  const looks = { count: 0 };
  const clock: Clock = {
    ...systemClock,
    sleep: async (_ms, signal) => {
      looks.count += 1;
      await systemClock.sleep(1, signal);
    },
  };
  return { clock, looks };
}

/** Follows a file in a folder of its own; `next` waits for as many lines, `looked` until the file was looked at anew. */
async function follow({ before, ...options }: TailOptions & { before?: string } = {}) {
  const { clock, looks } = countingClock();
  const folder = await mkdtemp(join(tmpdir(), 'log-tail-'));
  const path = join(folder, 'model.log');
  if (before !== undefined) await writeFile(path, before);
  const over = new AbortController();
  const lines = tailLines(path, clock, over.signal, options);
  return {
    path,
    async next(count: number): Promise<string[]> {
      const taken: string[] = [];
      while (taken.length < count) taken.push((await lines.next()).value as string);
      return taken;
    },
    async rest(): Promise<string[]> {
      const taken: string[] = [];
      for await (const line of lines) taken.push(line);
      return taken;
    },
    async looked(): Promise<void> {
      const before = looks.count;
      while (looks.count < before + 2) await new Promise((resolve) => setImmediate(resolve));
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await lines.return();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe('log tail', () => {
  it('waits for a file that is not there yet and reads it from its beginning', async () => {
    await using log = await follow();
    const first = log.next(2);
    await writeFile(log.path, 'one\ntwo\n');
    expect(await first).toEqual(['one', 'two']);
  });

  it('gives a line when its newline has come, in however many writes', async () => {
    await using log = await follow();
    await writeFile(log.path, 'Application start');
    const line = log.next(1);
    await appendFile(log.path, 'up complete.\nnext\n');
    expect(await line).toEqual(['Application startup complete.']);
    expect(await log.next(1)).toEqual(['next']);
  });

  it('reads what a renamed file still held, its last line without a newline too, and then the new one', async () => {
    await using log = await follow();
    await writeFile(log.path, 'one\n');
    expect(await log.next(1)).toEqual(['one']);
    await appendFile(log.path, 'two\nunfinished');
    await rename(log.path, `${log.path}.1`);
    await writeFile(log.path, 'three\n');
    expect(await log.next(3)).toEqual(['two', 'unfinished', 'three']);
  });

  it('begins again when the file is deleted and made anew, or truncated in place', async () => {
    await using log = await follow();
    await writeFile(log.path, 'one\n');
    expect(await log.next(1)).toEqual(['one']);
    await unlink(log.path);
    await writeFile(log.path, 'two two two\n');
    expect(await log.next(1)).toEqual(['two two two']);
    const next = log.next(1);
    await truncate(log.path, 0);
    await log.looked(); // a truncation shows only while the file is shorter than what was read
    await appendFile(log.path, 'three\n');
    expect(await next).toEqual(['three']);
  });
});

describe('looks of a log tail', () => {
  /** The pauses between the first looks at a file that never comes. */
  async function pauses(count: number, options?: TailOptions): Promise<number[]> {
    const over = new AbortController();
    const taken: number[] = [];
    const sleep = async (ms: number) => {
      if (taken.push(ms) === count) over.abort();
    };
    const tail = tailLines(join(tmpdir(), 'no-such-folder', 'model.log'), { ...systemClock, sleep }, over.signal, options);
    for await (const line of tail) expect.unreachable(`there is no file, and yet a line: ${line}`);
    return taken;
  }

  it('come every 100 ms, or as is asked each time', async () => {
    expect(await pauses(3)).toEqual([100, 100, 100]);
    const asked = [100, 500, 500];
    expect(await pauses(3, { pollMs: () => asked.shift() ?? 0 })).toEqual([100, 500, 500]);
  });
});

describe('log tail of a process', () => {
  it('can begin with what is written from now on', async () => {
    await using log = await follow({ before: 'old\n', from: 'end' });
    const next = log.next(1);
    await log.looked();
    await appendFile(log.path, 'new\n');
    expect(await next).toEqual(['new']);
  });

  it('reads to the end once its writer is gone, an unfinished line too, and stops', async () => {
    const gone = new AbortController();
    await using log = await follow({ lastLook: gone.signal });
    await writeFile(log.path, 'one\n');
    expect(await log.next(1)).toEqual(['one']);
    await appendFile(log.path, 'two\nError: the last wor');
    gone.abort();
    expect(await log.rest()).toEqual(['two', 'Error: the last wor']);
  });

  it('stops at once when there never was a file', async () => {
    await using log = await follow({ lastLook: AbortSignal.abort() });
    expect(await log.rest()).toEqual([]);
  });

  it('empties a file that grew too long, and loses no line of a writer that appends', async () => {
    await using log = await follow({ emptyAtBytes: 10 });
    await writeFile(log.path, 'one\n');
    expect(await log.next(1)).toEqual(['one']);
    await appendFile(log.path, 'two two two\n');
    expect(await log.next(1)).toEqual(['two two two']);
    const next = log.next(2);
    await log.looked();
    expect((await stat(log.path)).size).toBe(0);
    await appendFile(log.path, 'three\nfour\n');
    expect(await next).toEqual(['three', 'four']);
  });
});

describe('lines', () => {
  const split = (...chunks: (string | Buffer)[]) => {
    const splitter = new LineSplitter();
    return [...chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]), ...splitter.flush()];
  };

  it('end at LF or CR LF, and keep a lone CR', () => {
    expect(split('a\r\nb\n10%\r20%\nc\r\n')).toEqual(['a', 'b', '10%\r20%', 'c']);
  });

  it('survive invalid UTF-8 and characters cut in two', () => {
    const euro = Buffer.from('€\n');
    expect(split(euro.subarray(0, 1), euro.subarray(1))).toEqual(['€']);
    expect(split(Buffer.from([0x61, 0xff, 0x62, 0x0a]))).toEqual(['a\ufffdb']);
  });

  it('are cut when they grow without end', () => {
    const [line] = split('x'.repeat(maxLineBytes), 'y'.repeat(maxLineBytes), '\n');
    expect(line?.length).toBeLessThanOrEqual(2 * maxLineBytes);
    const splitter = new LineSplitter();
    for (let n = 0; n < 10; n += 1) expect([...splitter.push(Buffer.alloc(maxLineBytes, 'x'))]).toEqual([]);
    expect([...splitter.flush()][0]?.length).toBe(maxLineBytes);
  });

  it('are the same, however the bytes are portioned', () => {
    const anyText = fc.array(fc.constantFrom('a', 'é', '😀', '\n', '\r\n', '\r', ' '), { maxLength: 60 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(anyText, fc.array(fc.nat({ max: 20 }), { maxLength: 30 }), (text, sizes) => {
        const bytes = Buffer.from(text);
        const portions: Buffer[] = [];
        let at = 0;
        for (const size of sizes) portions.push(bytes.subarray(at, (at += size)));
        expect(split(...portions, bytes.subarray(at))).toEqual(split(bytes));
      }),
    );
  });
});
