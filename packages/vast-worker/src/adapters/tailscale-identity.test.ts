import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { TailscaleIdentity } from './tailscale-identity.ts';

const identify = (headers: IncomingMessage['headers']) => new TailscaleIdentity().identify({ headers } as IncomingMessage);

describe('Tailscale identity', () => {
  it('is the login that tailscale serve names', () => {
    expect(identify({ 'tailscale-user-login': 'alice@example.com' }).id).toBe('tailscale:alice@example.com');
  });

  it.each([
    ['no login: a tagged machine, or nobody', {}],
    ['an empty login', { 'tailscale-user-login': '' }],
    ['a login sent twice', { 'tailscale-user-login': 'mallory@example.com, alice@example.com' }],
    ['a name alone', { 'tailscale-user-name': 'Alice' }],
    ['a request of Funnel, from the internet', { 'tailscale-user-login': 'alice@example.com', 'tailscale-funnel-request': '?1' }],
  ])('is refused with %s', (_, headers) => {
    expect(() => identify(headers)).toThrow(expect.objectContaining({ code: 'CALLER_UNKNOWN' }));
  });
});
