import { readFileSync } from 'node:fs';
import { type ApiKey, type ApiKeysFile, parseApiKeys } from '../adapters/api-keys.ts';
import type { ConfigProblem } from '../errors.ts';

/** Whom this worker trusts besides the control plane's signature: nobody, until somebody says so. One listener each. */

export interface DirectConfig {
  apiKeys:
    | { port: number; keys: readonly ApiKey[] /** undefined: they stand in the variable. */; file: ApiKeysFile | undefined }
    | undefined;
  /** `team` without trailing slash. */
  cloudflareAccess: { port: number; team: string; audiences: readonly string[] } | undefined;
  tailscale: { socketPath: string } | undefined;
}

export const directVariables = [
  {
    name: 'API_KEYS',
    expected: 'a JSON list of keys as `vast-worker hash-key` writes them, or the path of a file with one',
    fallback: 'none: nobody comes in by key',
    meaning: 'callers of direct mode by API key: ids, hashes, quotas; a file is read again when it changes',
  },
  { name: 'API_KEYS_PORT', expected: 'a port, 0 to 65535', fallback: 'required with API_KEYS', meaning: 'port of 127.0.0.1 for them' },
  {
    name: 'CF_ACCESS_TEAM',
    expected: 'an https URL without a path, such as https://acme.cloudflareaccess.com',
    fallback: 'none: nobody comes in by Cloudflare Access',
    meaning: 'team whose tokens (`Cf-Access-Jwt-Assertion`) are good',
  },
  {
    name: 'CF_ACCESS_AUDIENCE',
    expected: 'application audience (AUD) tags, separated by commas',
    fallback: 'required with CF_ACCESS_TEAM',
    meaning: 'applications of the team whose tokens are good',
  },
  {
    name: 'CF_ACCESS_PORT',
    expected: 'a port, 0 to 65535',
    fallback: 'required with CF_ACCESS_TEAM',
    meaning: 'port of 127.0.0.1 for cloudflared',
  },
  {
    name: 'TAILSCALE_SOCKET',
    expected: 'a path, absolute',
    fallback: 'none: nobody comes in by Tailscale',
    meaning: 'Unix socket for `tailscale serve`, whose `Tailscale-User-Login` is trusted there',
  },
] as const;

type Name = (typeof directVariables)[number]['name'];

/** Reads the variables and lists every problem. Values are never shown: a key may stand where its hash belongs. */
export function readDirect(env: NodeJS.ProcessEnv): { direct: DirectConfig; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const problem = (name: Name, found: string) => {
    const expected = directVariables.find((variable) => variable.name === name)?.expected ?? '';
    problems.push({ where: `environment variable ${name}`, expected, found });
    return undefined;
  };
  /** All of a group, or none of it. */
  function together<const Names extends readonly Name[]>(...names: Names): Record<Names[number], string> | undefined {
    const missing = names.filter((name) => !env[name]);
    if (missing.length === names.length) return undefined;
    for (const name of missing) problem(name, `nothing, though ${names.find((other) => env[other])} is set`);
    return missing.length > 0
      ? undefined
      : (Object.fromEntries(names.map((name) => [name, env[name] as string])) as Record<Names[number], string>);
  }
  const portOf = (name: Name, text: string) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
    return port <= 65_535 ? port : problem(name, JSON.stringify(text));
  };

  function apiKeys(): DirectConfig['apiKeys'] {
    const set = together('API_KEYS', 'API_KEYS_PORT');
    if (!set) return undefined;
    const port = portOf('API_KEYS_PORT', set.API_KEYS_PORT);
    const isInline = set.API_KEYS.trimStart().startsWith('[');
    const text = isInline ? set.API_KEYS : readText(set.API_KEYS);
    if (text === undefined) return problem('API_KEYS', 'neither a list nor a file that can be read');
    const read = parseApiKeys(text);
    if (!read.ok) return problem('API_KEYS', read.problem);
    return port === undefined ? undefined : { port, keys: read.keys, file: isInline ? undefined : { path: set.API_KEYS, text } };
  }

  function cloudflareAccess(): DirectConfig['cloudflareAccess'] {
    const set = together('CF_ACCESS_TEAM', 'CF_ACCESS_AUDIENCE', 'CF_ACCESS_PORT');
    if (!set) return undefined;
    const port = portOf('CF_ACCESS_PORT', set.CF_ACCESS_PORT);
    const team = teamOf(set.CF_ACCESS_TEAM) ?? problem('CF_ACCESS_TEAM', JSON.stringify(set.CF_ACCESS_TEAM));
    const audiences = set.CF_ACCESS_AUDIENCE.split(',').map((tag) => tag.trim());
    if (audiences.includes('')) return problem('CF_ACCESS_AUDIENCE', 'an empty one');
    return port === undefined || team === undefined ? undefined : { port, team, audiences };
  }

  function tailscale(): DirectConfig['tailscale'] {
    const socketPath = env.TAILSCALE_SOCKET;
    if (!socketPath) return undefined;
    return socketPath.startsWith('/') ? { socketPath } : problem('TAILSCALE_SOCKET', JSON.stringify(socketPath));
  }

  return { direct: { apiKeys: apiKeys(), cloudflareAccess: cloudflareAccess(), tailscale: tailscale() }, problems };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Keys come from there, so nothing but https will do, or this machine itself. */
function teamOf(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') return undefined;
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname === '127.0.0.1');
  return isSafe ? url.origin : undefined;
}
