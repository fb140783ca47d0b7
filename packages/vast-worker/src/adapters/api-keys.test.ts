import { mkdir, rename, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { ApiKeys, hashOfKey, makeKey, parseApiKeys } from './api-keys.ts';
import { silentLogger } from './logger.ts';

const [alice, bob] = [makeKey(), makeKey()];
const entry = (id: string, ...keys: string[]) => ({ id, hashes: keys.map(hashOfKey), quotas: [] });
const asking = (authorization: string | undefined) => ({ headers: { authorization } }) as IncomingMessage;
const unknown = expect.objectContaining({ code: 'CALLER_UNKNOWN' });

describe('API keys', () => {
  it('tell callers apart by the hash of what they show', () => {
    const keys = new ApiKeys([entry('alice', alice), entry('bob', bob)]);
    expect(keys.identify(asking(`Bearer ${alice}`)).id).toBe('key:alice');
    expect(keys.identify(asking(`bearer ${bob}`)).id).toBe('key:bob');
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a scheme alone', 'Bearer'],
    ['no key', 'Bearer '],
    ['another scheme', `Basic ${alice}`],
    ['no scheme', alice],
    ['the hash itself', `Bearer ${hashOfKey(alice)}`],
    ['the digits of the hash', `Bearer ${hashOfKey(alice).slice(7)}`],
    ['a key and more', `Bearer ${alice}x`],
    ['less than a key', `Bearer ${alice.slice(0, -1)}`],
    ['two keys', `Bearer ${alice} ${bob}`],
    ['another case', `Bearer ${alice.toUpperCase()}`],
    ['something endless', `Bearer ${'x'.repeat(16_000)}`],
  ])('refuse %s', (_, authorization) => {
    const keys = new ApiKeys([entry('alice', alice)]);
    expect(() => keys.identify(asking(authorization))).toThrow(unknown);
    expect(keys.identify(asking(`Bearer ${alice}`)).id).toBe('key:alice'); // the control
  });

  it('let nobody in who guesses', () => {
    const keys = new ApiKeys([entry('alice', alice)]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (guess) => {
        expect(() => keys.identify(asking(`Bearer ${guess}`))).toThrow(unknown);
      }),
    );
  });

  it('take a new key beside the old one while it is replaced, on the same account', () => {
    const keys = new ApiKeys([entry('alice', alice, bob)]);
    expect(keys.identify(asking(`Bearer ${alice}`)).account).toBe(keys.identify(asking(`Bearer ${bob}`)).account);
  });

  it('are never made twice', () => {
    expect(new Set(Array.from({ length: 100 }, makeKey)).size).toBe(100);
    expect(makeKey()).toMatch(/^vwk_[\w-]{43}$/);
  });

  it('follow their file: what is taken out opens nothing, what stays keeps its account, what is wrong changes nothing', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'keys.json');
    const both = [entry('alice', alice), entry('bob', bob)];
    const text = JSON.stringify(both);
    await writeFile(path, text);
    const keys = new ApiKeys(both);
    const account = keys.identify(asking(`Bearer ${bob}`)).account;
    const clock = new FakeClock();
    const stop = new AbortController();
    const watching = keys.watch({ path, text }, clock, silentLogger, stop.signal);
    /** Turns the clock until the file was looked at once more. */
    const look = async () => {
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(5_000);
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    };
    const replace = async (content: string) => {
      await writeFile(`${path}.new`, content);
      await rename(`${path}.new`, path);
      await look();
    };

    await replace(JSON.stringify([entry('bob', bob)]));
    expect(() => keys.identify(asking(`Bearer ${alice}`))).toThrow(unknown);
    expect(keys.identify(asking(`Bearer ${bob}`)).account).toBe(account);
    expect([...keys.accounts].map(({ name }) => name)).toEqual(['key:bob']);
    await replace('[{"id":"bob"');
    expect(keys.identify(asking(`Bearer ${bob}`)).account).toBe(account);
    await rename(path, `${path}.gone`);
    await mkdir(path);
    await look();
    expect(keys.identify(asking(`Bearer ${bob}`)).account).toBe(account);
    stop.abort();
    await watching;
  });
});

describe('the list of keys', () => {
  it.each([
    ['what is no JSON', 'alice', 'no JSON'],
    ['what is no list', '{}', 'the list expected array'],
    ['a key instead of its hash', JSON.stringify([{ id: 'alice', hashes: [alice] }]), '[0].hashes[0] expected sha256:'],
    ['no hash', '[{"id":"alice","hashes":[]}]', '[0].hashes'],
    ['an id that no label takes', JSON.stringify([entry('a"b', alice)]), '[0].id expected 1 to 64 letters'],
    ['an id twice', JSON.stringify([entry('alice', alice), entry('alice', bob)]), 'the list expected each id once'],
    ['a key of two callers', JSON.stringify([entry('alice', alice), entry('bob', alice)]), 'the list expected each hash once'],
    [
      'a quota of nothing',
      JSON.stringify([{ ...entry('a', alice), quotas: [{ of: 'requests', limit: 0, per: 'day' }] }]),
      'quotas[0].limit',
    ],
    [
      'a quota per month',
      JSON.stringify([{ ...entry('a', alice), quotas: [{ of: 'requests', limit: 1, per: 'month' }] }]),
      'quotas[0].per',
    ],
    ['what nobody knows', JSON.stringify([{ ...entry('a', alice), [alice]: 1 }]), '[0] has a member that nobody knows'],
  ])('is refused with %s, and the words show nothing of it', (_, text, words) => {
    const read = parseApiKeys(text);
    expect(read).toMatchObject({ ok: false, problem: expect.stringContaining(words) });
    expect(JSON.stringify(read)).not.toContain(alice);
  });
});
