import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { FakeAccessTeam } from '../testing/fake-access-team.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { until } from '../testing/until.ts';
import { CloudflareAccess } from './cloudflare-access.ts';
import { silentLogger } from './logger.ts';

async function start({ cooldownMs = 0 }: { cooldownMs?: number } = {}) {
  const team = new FakeAccessTeam();
  await team.listen();
  const clock = new FakeClock();
  const access = new CloudflareAccess({ team: team.url, audiences: ['another', team.audience], clock, log: silentLogger, cooldownMs });
  return {
    team,
    clock,
    /** Who a token says it is, or the code of the refusal. */
    ask: async (token: string | undefined): Promise<string> => {
      try {
        return (await access.identify({ headers: { 'cf-access-jwt-assertion': token } } as unknown as IncomingMessage)).id;
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    [Symbol.asyncDispose]: () => team.close(),
  };
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('Cloudflare Access', () => {
  it('tells a person by subject, and a service token by its client id', async () => {
    await using rig = await start();
    const { team, clock, ask } = rig;
    expect(await ask(await team.sign(clock.now()))).toBe('access:7335d417-61da');
    expect(await ask(await team.sign(clock.now(), { sub: '', common_name: 'e367826f93b8.access' }))).toBe('access:e367826f93b8.access');
    expect(team.looks).toBe(1);
  });

  it('refuses every token that is not the team’s, for these applications, now', async () => {
    await using rig = await start();
    const { team, clock, ask } = rig;
    const now = clock.now();
    const seconds = now / 1000;
    const good = await team.sign(now);
    const [head, body, signature] = good.split('.') as [string, string, string];
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwk = stranger.publicKey.export({ format: 'jwk' });
    const none = base64({ alg: 'none', kid: 'key-1', typ: 'JWT' });
    const bad: Record<string, string | undefined> = {
      nothing: undefined,
      'an empty text': '',
      garbage: 'garbage',
      'dots alone': '..',
      'another audience': await team.sign(now, { aud: ['of-another-application'] }),
      'no audience': await team.sign(now, { aud: undefined }),
      'another team': await team.sign(now, { iss: 'https://evil.cloudflareaccess.com' }),
      'no issuer': await team.sign(now, { iss: undefined }),
      expired: await team.sign(now, { exp: seconds - 11 }),
      'without an end': await team.sign(now, { exp: undefined }),
      'an end in words': await team.sign(now, { exp: 'never' }),
      'not yet good': await team.sign(now, { nbf: seconds + 60 }),
      'no subject': await team.sign(now, { sub: '' }),
      'algorithm none': `${none}.${body}.`,
      'algorithm none with a signature': `${none}.${body}.${signature}`,
      'the public key as an HMAC secret': await team.sign(now, {}, { alg: 'HS256' }, Buffer.from(team.publicKeyPem)),
      'another algorithm of the same key': await team.sign(now, {}, { alg: 'RS512' }),
      'a key of somebody else under the same id': await team.sign(now, {}, {}, stranger.privateKey),
      'a key id that nobody knows': await team.sign(now, {}, { kid: 'made-up' }, stranger.privateKey),
      'a key that it brings along': await team.sign(now, {}, { jwk } as object, stranger.privateKey),
      'a key that it says where to find': await team.sign(
        now,
        {},
        { kid: 'x', jku: 'http://127.0.0.1:1/keys' } as object,
        stranger.privateKey,
      ),
      'another body': `${head}.${base64({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'admin' })}.${signature}`,
      'no signature': `${head}.${body}.`,
      'two tokens': `${good}, ${good}`,
      'something endless': `${head}.${'A'.repeat(100_000)}.${signature}`,
    };
    const answers = await Promise.all(Object.entries(bad).map(async ([what, token]) => [what, await ask(token)]));
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(Object.keys(bad).map((what) => [what, 'CALLER_UNKNOWN'])));
    expect(await ask(good)).toBe('access:7335d417-61da'); // the control
  });

  it('learns of a new key when a token names one, and knows the old one meanwhile', async () => {
    await using rig = await start();
    const { team, clock, ask } = rig;
    const old = await team.sign(clock.now());
    expect(await ask(old)).toBe('access:7335d417-61da');
    team.rotate();
    expect(await ask(await team.sign(clock.now()))).toBe('access:7335d417-61da');
    expect(await ask(old)).toBe('access:7335d417-61da');
  });

  it('forgets a key that the team has withdrawn, within an hour and without keeping anybody waiting', async () => {
    await using rig = await start();
    const { team, clock, ask } = rig;
    const old = await team.sign(clock.now(), { exp: clock.now() / 1000 + 1e6 });
    await ask(old);
    team.rotate();
    team.forgetOldKeys();
    expect(await ask(old)).toBe('access:7335d417-61da');
    await clock.advance(3_600_000);
    await ask(old); // starts the look
    await until(async () => (await ask(old)) === 'CALLER_UNKNOWN');
    expect(await ask(await team.sign(clock.now()))).toBe('access:7335d417-61da');
  });

  it('does not ask Cloudflare again for each key id that strangers make up', async () => {
    await using rig = await start({ cooldownMs: 30_000 });
    const { team, clock, ask } = rig;
    await ask(await team.sign(clock.now()));
    for (let number = 0; number < 100; number += 1) {
      expect(await ask(await team.sign(clock.now(), {}, { kid: `made-up-${number}` }))).toBe('CALLER_UNKNOWN');
    }
    expect(team.looks).toBe(1);
  });

  it('says that it cannot know when the keys cannot be had, and goes on with those it has', async () => {
    await using rig = await start();
    const { team, clock, ask } = rig;
    const good = await team.sign(clock.now(), { exp: clock.now() / 1000 + 1e6 });
    await team.close();
    expect(await ask(good)).toBe('PUBLIC_KEY_MISSING');
    await team.listen();
    expect(await ask(good)).toBe('access:7335d417-61da');
    await team.close();
    await clock.advance(7_200_000);
    for (let count = 0; count < 5; count += 1) expect(await ask(good)).toBe('access:7335d417-61da');
  });
});
