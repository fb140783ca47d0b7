import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../src/testing/index.ts';
import { makeAuthority } from './authority.ts';
import { officialPython } from './python.ts';
import { Router } from './router.ts';
import { type Subject, startSubject } from './subject.ts';

const python = officialPython();

/** Answers by what the payload asks for; `fail-once-…` fails the first time. */
function scripted(): Answer {
  const failed = new Set<string>();
  return ({ response, body }) => {
    const { what } = JSON.parse(body.toString()) as { what?: string };
    const failure = /^fail-once-(\d+)$/.exec(what ?? '')?.[1];
    if (what === 'stream')
      return void response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end('data: {"n":1}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n');
    if (failure && !failed.has(failure)) {
      failed.add(failure);
      return void response.writeHead(Number(failure), { 'content-type': 'application/json' }).end('{"error":"once"}');
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ what: what ?? null }));
  };
}

async function drive(subject: Subject, rootCertificate: string) {
  subject.model.answer = scripted();
  await using router = new Router({ grant: (fields) => subject.grant(fields), rootCertificate });
  const client = fileURLToPath(new URL('client.py', import.meta.url));
  const { stdout } = await promisify(execFile)(python as string, [client], {
    env: { ...process.env, ROUTER_URL: await router.listen() },
    timeout: 90_000,
  });
  return { seen: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as unknown, costs: router.costs };
}

const expected = {
  json: { status: 200, response: { what: 'json' } },
  stream: [{ n: 1 }, { n: 2 }],
  'after 429': { what: 'fail-once-429' },
  'after 500': { what: 'fail-once-500' },
  session: { response: { what: 'json' }, open: true },
};

describe.skipIf(python === undefined)('the official client', () => {
  it.each(['official', 'ours'] as const)('works against the %s worker: requests, streams, retries, sessions', async (kind) => {
    await using subject = await startSubject(kind, python as string);
    const { certificate } = await makeAuthority();
    const { seen, costs } = await drive(subject, certificate);
    expect(seen).toEqual(expected);
    expect(costs).toEqual([5, 1, 1, 1, 1, 1, 7]); // each retry asks for a worker again
  });

  it('works against ours over TLS, with a certificate that the console signed', async () => {
    const authority = await makeAuthority();
    await using console = await authority.listen();
    await using subject = await startSubject('ours', python as string, { tls: true, env: { USE_SSL: 'true', VAST_API_URL: console.url } });
    expect(subject.url).toMatch(/^https:/);
    expect((await drive(subject, authority.certificate)).seen).toEqual(expected);
  });
});
