/** What runs beside the worker and leads to it: Cloudflare Tunnel and Tailscale, each when its token is set. */

export interface Companion {
  name: string;
  command: readonly [program: string, ...args: string[]];
  /** All of it. */
  env: NodeJS.ProcessEnv;
  /** A file with a secret that the program reads; written before the first start, for this user only. */
  secret?: { file: string; text: string };
  /** Joins the network once the program runs; done when it exits with 0. */
  join?: readonly [program: string, ...args: string[]];
}

/** Secrets of the companions, which neither the worker nor the model server has a use for. */
const companionsOwn = ['TUNNEL_TOKEN', 'TS_AUTHKEY'];

export const workerEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => without(companionsOwn, env);

/** Nobody lets a worker's or a model's secrets into a program that faces the network. */
const everybodys = /^(PATH|HOME|TMPDIR|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR))$/i;
const common = (env: NodeJS.ProcessEnv) => Object.fromEntries(Object.entries(env).filter(([name]) => everybodys.test(name)));

const without = (names: readonly string[], env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

export function companionsFrom(env: NodeJS.ProcessEnv): Companion[] {
  const companions: Companion[] = [];
  if (env.TUNNEL_TOKEN || env.TUNNEL_TOKEN_FILE) companions.push(cloudflared(env));
  if (env.TS_AUTHKEY) companions.push(tailscaled(env, env.TS_AUTHKEY));
  return companions;
}

/** Reads its settings, the token among them, from its own variables. */
function cloudflared(env: NodeJS.ProcessEnv): Companion {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('TUNNEL_')));
  return { name: 'cloudflared', command: ['cloudflared', 'tunnel', 'run'], env: { ...common(env), NO_AUTOUPDATE: 'true', ...own } };
}

/**
 * Without a TUN device, which containers on Vast lack: connections from the tailnet arrive at 127.0.0.1. The node lives in
 * memory, so the key has to be one that may be used again, of ephemeral nodes.
 */
function tailscaled(env: NodeJS.ProcessEnv, key: string): Companion {
  const folder = `${env.TMPDIR || '/tmp'}/tailscale`;
  const socket = `${folder}/tailscaled.sock`;
  const file = `${folder}/authkey`;
  const isFile = key.startsWith('file:');
  const hostname = env.TS_HOSTNAME || (env.CONTAINER_ID ? `worker-${env.CONTAINER_ID}` : undefined);
  return {
    name: 'tailscaled',
    command: ['tailscaled', '--tun=userspace-networking', '--state=mem:', `--statedir=${folder}`, `--socket=${socket}`],
    env: common(env),
    ...(isFile ? {} : { secret: { file, text: key } }),
    join: [
      'tailscale',
      `--socket=${socket}`,
      'up',
      `--auth-key=${isFile ? key : `file:${file}`}`, // in a file: anybody may read arguments
      '--timeout=60s',
      ...(hostname === undefined ? [] : [`--hostname=${hostname}`]),
      ...(env.TS_EXTRA_ARGS ?? '').split(/\s+/).filter((word) => word !== ''),
    ],
  };
}
