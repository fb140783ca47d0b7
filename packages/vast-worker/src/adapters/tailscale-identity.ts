import type { IncomingMessage } from 'node:http';
import { Account, type Caller } from '../domain/account.ts';
import { WorkerError } from '../errors.ts';
import type { TrustSource } from './trust-source.ts';

/**
 * `tailscale serve` says in a header which user of the tailnet a request is from, and takes the header out of what clients
 * send. Nothing proves it but where the request comes from, so this source listens on a Unix socket and never on a port:
 * with userspace networking tailscaled hands connections of any peer to any port of 127.0.0.1.
 */
export class TailscaleIdentity implements TrustSource {
  readonly name = 'tailscale';
  readonly account = new Account('tailscale');

  identify({ headers }: IncomingMessage): Caller {
    const login = headers['tailscale-user-login'];
    if (headers['tailscale-funnel-request'] !== undefined) throw new WorkerError('CALLER_UNKNOWN', 'from the internet, by Funnel');
    if (typeof login !== 'string' || !acceptable.test(login)) throw new WorkerError('CALLER_UNKNOWN', 'no login of a tailnet user');
    return { id: `tailscale:${login}`, account: this.account };
  }
}

/** One login: a header that was sent twice arrives as two with a comma between. */
const acceptable = /^[^\s,]{1,254}$/;
