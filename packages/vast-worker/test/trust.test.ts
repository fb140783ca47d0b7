import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentParts, startProcess, startRig } from '../src/testing/index.ts';

const vectors = new URL('../../vast-protocol/test-vectors/signature.json', import.meta.url);
const cli = new URL('../src/cli.ts', import.meta.url);

describe('verify-grant', () => {
  async function verify(grant: unknown): Promise<{ code: number | null; output: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'verify-grant-'));
    const { publicKey } = JSON.parse(await readFile(vectors, 'utf8'));
    await writeFile(join(folder, 'grant.json'), typeof grant === 'string' ? grant : JSON.stringify(grant));
    await writeFile(join(folder, 'key.pem'), publicKey);
    await using run = startProcess(cli, {}, ['verify-grant', join(folder, 'grant.json'), '--key', join(folder, 'key.pem')]);
    await once(run.process, 'close');
    await rm(folder, { recursive: true });
    return { code: run.process.exitCode, output: run.output() };
  }

  it('says which form verifies, for each of the vectors, and never shows the signature', async () => {
    const { vectors: all } = JSON.parse(await readFile(vectors, 'utf8'));
    for (const { form, auth, rawAuth, signature } of all) {
      const grant = rawAuth ? rawAuth.replace(/}$/, `, "signature": "${signature}"}`) : { ...auth, signature };
      const { code, output } = await verify(grant);
      expect(code).toBe(0);
      expect(output).toContain(`Set SIGNATURE_FORM=${form}.`);
      expect(output).not.toContain(signature);
    }
  });

  it('reads an envelope as well, and ends with 1 when no form verifies', async () => {
    const { vectors: all } = JSON.parse(await readFile(vectors, 'utf8'));
    const auth_data = { ...all[0].auth, signature: all[0].signature };
    expect((await verify({ auth_data, payload: {} })).code).toBe(0);
    const none = await verify({ ...auth_data, url: 'https://203.0.113.10:1' });
    expect(none).toMatchObject({ code: 1, output: expect.stringContaining('No known form verifies') });
  });

  it('says what a grant lacks', async () => {
    expect(await verify({ url: 'x' })).toMatchObject({ code: 2, output: expect.stringContaining('signature') });
  });
});

describe('POST /pyworker/update', () => {
  const send = (rig: Awaited<ReturnType<typeof startRig>>, authorization?: string) =>
    rig.send('/pyworker/update', '', { headers: authorization === undefined ? {} : { authorization } });

  it('needs the master token, with or without Bearer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'update-'));
    const updateMarkerFile = join(folder, 'mark');
    await using rig = await startRig({ secured: true, parts: { ...silentParts, updateMarkerFile } });
    for (const wrong of [undefined, '', 'Bearer ', 'Bearer wrong', 'mtok-0123456789abcdeF']) {
      expect((await send(rig, wrong)).json().error?.code).toBe('UNAUTHORIZED');
    }
    expect(existsSync(updateMarkerFile)).toBe(false);
    expect((await send(rig, 'Bearer mtok-0123456789abcdef')).json()).toEqual({ ok: true });
    expect(existsSync(updateMarkerFile)).toBe(true);
    expect((await send(rig, 'mtok-0123456789abcdef')).status).toBe(200);
    await rm(folder, { recursive: true });
    expect((await send(rig, 'mtok-0123456789abcdef')).status).toBe(500); // there is nowhere to write it any more
  });

  it('is closed where there is no token', async () => {
    await using rig = await startRig({ secured: true, env: { MASTER_TOKEN: '' } });
    expect((await send(rig)).status).toBe(401);
    expect((await send(rig, 'Bearer ')).status).toBe(401);
  });
});
