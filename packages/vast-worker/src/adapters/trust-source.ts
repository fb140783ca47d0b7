import type { IncomingMessage } from 'node:http';
import type { Caller } from '../domain/account.ts';

/** Whoever vouches for the callers of one listener. It looks at its own headers and at no others. */
export interface TrustSource {
  readonly name: 'api-keys' | 'cloudflare-access' | 'tailscale';
  /** @throws WorkerError CALLER_UNKNOWN, or PUBLIC_KEY_MISSING while it cannot know */
  identify(request: IncomingMessage): Caller | Promise<Caller>;
}
