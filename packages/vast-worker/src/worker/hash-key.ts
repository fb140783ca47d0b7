import { type ApiKey, hashOfKey, maxKeyLength, parseApiKeys } from '../adapters/api-keys.ts';

/** What `vast-worker hash-key` says: a key for its owner, and an entry for API_KEYS, which knows its hash alone. */

/** A key that somebody thought of can be guessed from its hash. */
const minKeyLength = 32;

export type ApiKeyEntry = Pick<ApiKey, 'id' | 'hashes'>;

/** @throws Error that says what is wrong with the id or the key, and shows neither */
export function entryOf(id: string, key: string): ApiKeyEntry {
  if (key.length < minKeyLength) throw new Error(`the key: expected at least ${minKeyLength} characters that nobody can guess`);
  if (key.length > maxKeyLength) throw new Error(`the key: expected at most ${maxKeyLength} characters`);
  if (/\s/.test(key)) throw new Error('the key: expected one line without spaces');
  const entry = { id, hashes: [hashOfKey(key)] };
  const checked = parseApiKeys(JSON.stringify([entry]));
  if (!checked.ok) throw new Error(`the entry: ${checked.problem}`);
  return entry;
}

export const describeKey = (key: string, entry: ApiKeyEntry): string => `\
key for ${entry.id}, shown once and stored nowhere:
  ${key}
entry for the list in API_KEYS:
  ${JSON.stringify(entry)}
`;
