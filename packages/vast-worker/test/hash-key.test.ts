import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ApiKeys, parseApiKeys } from '../src/adapters/api-keys.ts';

const cli = new URL('../src/cli.ts', import.meta.url).pathname;

function hashKey(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@bluefly/source', cli, 'hash-key', ...args], {
    input,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Whom a list with this one entry takes the key for. */
function identifies(entry: unknown, key: string): string {
  const read = parseApiKeys(JSON.stringify([entry]));
  if (!read.ok) throw new Error(read.problem);
  return new ApiKeys(read.keys).identify({ headers: { authorization: `Bearer ${key}` } } as never).id;
}

describe('vast-worker hash-key', () => {
  it('makes another key each time, and an entry that API_KEYS takes and that opens for this key', () => {
    const [first, second] = [hashKey(['alice', '--json']), hashKey(['alice', '--json'])].map(({ stdout }) => JSON.parse(stdout));
    expect(first.key).toMatch(/^vwk_[\w-]{43}$/);
    expect(second.key).not.toBe(first.key);
    expect(first.entry).toEqual({ id: 'alice', hashes: [expect.stringMatching(/^sha256:[0-9a-f]{64}$/)] });
    expect(identifies(first.entry, first.key)).toBe('key:alice');
    expect(() => identifies(first.entry, second.key)).toThrow('no such key');
  });

  it('shows both to a person, and says what to do with them', () => {
    const { status, stdout } = hashKey(['alice']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^key for alice, shown once and stored nowhere:\n {2}vwk_\S+\nentry for the list in API_KEYS:\n {2}\{.*\}\n$/);
  });

  it('takes a key that is there already', () => {
    const key = 'a-key-of-an-earlier-system-0123456789';
    const { stdout } = hashKey(['bob', '--stdin', '--json'], `${key}\n`);
    expect(identifies(JSON.parse(stdout).entry, key)).toBe('key:bob');
  });

  it.each([
    ['a key that could be guessed', ['bob', '--stdin'], 'password', 'the key: expected at least 32 characters that nobody can guess'],
    ['a key that no worker would look at', ['bob', '--stdin'], 'a'.repeat(257), 'the key: expected at most 256 characters'],
    ['a key of two lines', ['bob', '--stdin'], `${'a'.repeat(32)}\nsecret`, 'the key: expected one line without spaces'],
    ['an id that is none', ['b o b'], '', 'the entry: [0].id expected 1 to 64 letters, digits, dots, dashes or underscores'],
  ])('refuses %s, and shows nothing of it', (_, args, input, message) => {
    const { status, stdout, stderr } = hashKey(args, input);
    expect([status, stdout, stderr]).toEqual([2, '', `${message}\n`]);
  });

  it('shows its help for wrong use', () => {
    expect(hashKey([])).toMatchObject({ status: 2, stderr: expect.stringContaining('vast-worker hash-key ID') });
    expect(hashKey(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('vast-worker hash-key ID') });
  });
});
