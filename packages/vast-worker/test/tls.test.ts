import 'reflect-metadata';
import { type webcrypto, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { createVastWorker } from '../src/index.ts';
import { FakeClock, FakeControlPlane, type FakeModelServer, silentParts, startRig, testHandler } from '../src/testing/index.ts';

const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };
const makeKeys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const pemOf = async (key: webcrypto.CryptoKey) => x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');

/** A certificate authority like Vast's console: signs what it is sent, and puts the worker's address in. */
class FakeConsole {
  readonly requests: { url: string; body: string; type: string | undefined }[] = [];
  status = 200;
  caPem = '';
  #keys: webcrypto.CryptoKeyPair | undefined;
  #ca: x509.X509Certificate | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    this.requests.push({ url: request.url ?? '', body, type: request.headers['content-type'] });
    response
      .writeHead(this.status)
      .end(this.status === 200 ? await this.sign(new x509.Pkcs10CertificateRequest(body).publicKey, '01') : 'no');
  }

  async listen(): Promise<string> {
    this.#keys = await makeKeys();
    this.#ca = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Test CA',
      keys: this.#keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.BasicConstraintsExtension(true)],
    });
    this.caPem = this.#ca.toString('pem');
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v0`;
  }

  async sign(publicKey: x509.PublicKeyType, serialNumber: string): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber,
      subject: 'CN=pyworker.vast.ai',
      issuer: this.#ca?.subject ?? '',
      publicKey,
      signingKey: (this.#keys as webcrypto.CryptoKeyPair).privateKey,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
    });
    return certificate.toString('pem');
  }

  close(): void {
    this.#server.close();
  }
}

async function tlsRig(folder: string, env: NodeJS.ProcessEnv, parts = {}) {
  return startRig({
    secured: true,
    awaitReady: false,
    env: { USE_SSL: 'true', SSL_CERT_FILE: join(folder, 'instance.crt'), SSL_KEY_FILE: join(folder, 'instance.key'), ...env },
    parts,
  });
}

/** GET /health over TLS, verified against `ca`. */
function get(port: number, ca: string, agent: Agent | false = false): Promise<{ status: number; serial: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ host: '127.0.0.1', port, path: '/health', ca, agent }, (response) => {
      const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, serial }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('TLS', () => {
  it('serves a certificate that the console signed for a key made here, and keeps both for the next start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-'));
    const authority = new FakeConsole();
    const VAST_API_URL = await authority.listen();
    {
      await using rig = await tlsRig(folder, { VAST_API_URL });
      expect((await get(rig.port, authority.caPem)).serial).toBe('01');
      expect(await rig.controlPlane.status(() => true)).toMatchObject({ url: 'https://127.0.0.1:41023' });
    }
    expect(authority.requests).toMatchObject([{ url: '/api/v0/sign_cert/?instance_id=4242', type: 'application/octet-stream' }]);
    const request = new x509.Pkcs10CertificateRequest(authority.requests[0]?.body ?? '');
    expect(request.subject).toBe('C=US, ST=CA, CN=pyworker.vast.ai');
    expect(await request.verify()).toBe(true);
    const kept = new X509Certificate(await readFile(join(folder, 'instance.crt')));
    {
      await using rig = await tlsRig(folder, { VAST_API_URL });
      expect((await get(rig.port, authority.caPem)).serial).toBe(kept.serialNumber);
    }
    expect(authority.requests).toHaveLength(1);
    authority.close();
    await rm(folder, { recursive: true });
  });

  it('serves a renewed certificate to new connections without dropping the open ones, and no bad one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-'));
    const authority = new FakeConsole();
    await authority.listen();
    const put = async (serial: string, cert?: string) => {
      const keys = await makeKeys();
      await writeFile(join(folder, 'instance.key'), await pemOf(keys.privateKey));
      await writeFile(join(folder, 'instance.crt'), cert ?? (await authority.sign(keys.publicKey, serial)));
    };
    await put('02');
    const clock = new FakeClock();
    await using rig = await tlsRig(folder, {}, { clock });
    const keptAlive = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await get(rig.port, authority.caPem, keptAlive)).serial).toBe('02');

    await put('03', 'rubbish');
    for (let look = 0; look < 5; look += 1) {
      await clock.advance(10_000);
      expect((await get(rig.port, authority.caPem)).serial).toBe('02');
    }
    await put('04');
    let serial = '02';
    while (serial === '02') {
      await clock.advance(10_000);
      serial = (await get(rig.port, authority.caPem)).serial;
    }
    expect(serial).toBe('04');
    expect((await get(rig.port, authority.caPem, keptAlive)).serial).toBe('02'); // the open connection lives on
    keptAlive.destroy();
    authority.close();
    await rm(folder, { recursive: true });
  });

  it('is waited for in silence towards clients, not towards the control plane, and not at all once told to stop', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-'));
    const controlPlane = new FakeControlPlane();
    await controlPlane.listen();
    const files = {
      USE_SSL: 'true',
      SSL_CERT_FILE: join(folder, 'a'),
      SSL_KEY_FILE: join(folder, 'b'),
      VAST_API_URL: 'http://127.0.0.1:1',
    };
    const onVast = { CONTAINER_ID: '1', REPORT_ADDR: controlPlane.url, PUBLIC_IPADDR: '127.0.0.1', VAST_TCP_PORT_0: '1', WORKER_PORT: '0' };
    const worker = createVastWorker(
      { handlers: [testHandler] },
      { env: { ...files, ...onVast }, handleSignals: false, parts: silentParts },
    );
    const running = worker.run();
    expect(await controlPlane.status(() => true)).toMatchObject({ loadtime: 0, error_msg: '' });
    await worker.stop();
    await expect(running).resolves.toBeUndefined();
    await controlPlane.close();
    await rm(folder, { recursive: true });
  });

  it('that cannot be had fails the start, and the control plane hears why', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-'));
    const keys = await makeKeys();
    const authority = new FakeConsole();
    await authority.listen();
    await writeFile(join(folder, 'instance.key'), await pemOf((await makeKeys()).privateKey));
    await writeFile(join(folder, 'instance.crt'), await authority.sign(keys.publicKey, '05'));
    const controlPlane = new FakeControlPlane();
    await controlPlane.listen();
    await expect(tlsRig(folder, { REPORT_ADDR: controlPlane.url })).rejects.toThrow('do not belong together');
    await controlPlane.status(({ error_msg }) => /Worker Server failed to launch: Failed to get SSL Certificate/.test(error_msg));
    await controlPlane.close();
    authority.close();
    await rm(folder, { recursive: true });
  });
});

describe('a model server behind https', () => {
  it('is reached by TLS, and only by a certificate that is trusted', async () => {
    const authority = new FakeConsole();
    await authority.listen();
    const keys = await makeKeys();
    const pair = { key: await pemOf(keys.privateKey), cert: await authority.sign(keys.publicKey, '07') };
    let answering: FakeModelServer | undefined;
    const terminator = createTlsServer(pair, (socket) => {
      const plain = connect(answering?.port ?? 0, '127.0.0.1');
      pipeline(socket, plain, socket, () => undefined);
    });
    await new Promise<void>((resolve) => terminator.listen(0, '127.0.0.1', resolve));
    const config = { modelServerUrl: 'https://127.0.0.1', loadTimeout: 5 };
    const env = { MODEL_SERVER_PORT: String((terminator.address() as AddressInfo).port) };
    const trusted = getCACertificates('default');
    try {
      {
        const clock = new FakeClock();
        await using rig = await startRig({ config, env, awaitReady: false, parts: { clock } });
        while ((await rig.health()).phase !== 'failed') await clock.advance(1_000);
        expect((await rig.health()).reason).toContain('it cannot be reached (UNABLE_TO_VERIFY_LEAF_SIGNATURE)');
      }
      setDefaultCACertificates([...trusted, authority.caPem]);
      await using rig = await startRig({ config, env, model: (model) => void (answering = model) });
      expect((await rig.post('/test', { a: 1 })).json()).toEqual({ echo: '{"a":1}' });
    } finally {
      setDefaultCACertificates(trusted);
      terminator.close();
      authority.close();
    }
  });
});
