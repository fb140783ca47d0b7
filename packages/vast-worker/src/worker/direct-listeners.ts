import { ApiKeys } from '../adapters/api-keys.ts';
import type { Clock } from '../adapters/clock.ts';
import { CloudflareAccess } from '../adapters/cloudflare-access.ts';
import { HttpServer, type HttpServerOptions } from '../adapters/http-server.ts';
import type { Logger } from '../adapters/logger.ts';
import { TailscaleIdentity } from '../adapters/tailscale-identity.ts';
import type { TrustSource } from '../adapters/trust-source.ts';
import type { Account } from '../domain/account.ts';
import { createDirectApp } from './direct-app.ts';
import type { DirectConfig } from './direct-config.ts';
import { DirectDoor } from './direct-door.ts';
import { handleDirect } from './handle-direct.ts';
import type { RequestDeps } from './handle-request.ts';
import type { RouteDesk } from './tickets.ts';

/** Direct mode: one listener per trust source, on the loopback interface, so that what one source vouches by means nothing at another. */

export interface DirectListener {
  name: TrustSource['name'];
  server: HttpServer;
}

export interface DirectListeners {
  listeners: readonly DirectListener[];
  /** For metrics: as many as there are keys, and one per other source. */
  accounts(): Iterable<Account>;
  /** Follows changes of the keys until the signal aborts. */
  watch(signal: AbortSignal): Promise<void> | undefined;
}

export interface DirectDeps {
  routes: readonly RouteDesk[];
  requestDeps: RequestDeps;
  workerId: string | undefined;
  clock: Clock;
  log: Logger;
}

export function createDirectListeners({ apiKeys, cloudflareAccess, tailscale }: DirectConfig, deps: DirectDeps): DirectListeners {
  const { clock, log } = deps;
  const keys = apiKeys && new ApiKeys(apiKeys.keys);
  const access = cloudflareAccess && new CloudflareAccess({ ...cloudflareAccess, clock, log });
  const tailnet = tailscale && new TailscaleIdentity();
  const listeners: DirectListener[] = [];
  if (keys) listeners.push(listenerOf(keys, { port: apiKeys.port, portVariable: 'API_KEYS_PORT' }, deps));
  if (access) listeners.push(listenerOf(access, { port: cloudflareAccess.port, portVariable: 'CF_ACCESS_PORT' }, deps));
  if (tailnet) listeners.push(listenerOf(tailnet, { port: 0, portVariable: 'TAILSCALE_SOCKET', ...tailscale }, deps));
  return {
    listeners,
    accounts: () => [...(keys?.accounts ?? []), ...(access ? [access.account] : []), ...(tailnet ? [tailnet.account] : [])],
    watch: (signal) => (apiKeys?.file ? keys?.watch(apiKeys.file, clock, log, signal) : undefined),
  };
}

function listenerOf(
  source: TrustSource,
  place: Pick<HttpServerOptions, 'port' | 'portVariable' | 'socketPath'>,
  { routes, requestDeps, workerId, clock, log }: DirectDeps,
): DirectListener {
  const door = new DirectDoor(source, { clock, log });
  const { modelServer, metrics } = requestDeps;
  const server = new HttpServer({
    ...place,
    host: '127.0.0.1',
    certificate: undefined,
    workerId,
    routes: new Map(routes.map((route) => [route.handler.route, (exchange) => void handleDirect(exchange, route, door, requestDeps)])),
    everythingElse: createDirectApp({ door, modelServer, metrics, clock, routes: routes.map(({ handler }) => handler.route) }),
  });
  return { name: source.name, server };
}
