import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { AbortScope } from './abort-scope.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

/**
 * The worker's TLS certificate: from disk when it is there, else signed by Vast's console. The key is made in this
 * process and never leaves it but for its file.
 */

export interface CertificatePair {
  /** PEM. */
  key: string;
  /** PEM, the chain with it. */
  cert: string;
}

export interface CertificateOptions {
  certFile: string;
  keyFile: string;
  /** `https://console.vast.ai/api/v0` */
  apiUrl: string;
  /** `CONTAINER_ID`; undefined: nothing can be signed. */
  instanceId: number | undefined;
  clock: Clock;
  log: Logger;
}

const attempts = 5;
const firstPauseMs = 2_000;
const signTimeoutMs = 10_000;
const lookEveryMs = 10_000;
/** Asked for anew when less of its life is left. */
const renewalShare = 0.1;

export class CertificateSource {
  readonly #options: CertificateOptions;
  readonly #agent = new Agent({ allowH2: false });
  /** Set when this process asked for the certificate: then it also renews it. */
  #isOurs = false;
  #current: CertificatePair | undefined;
  #modified = '';

  constructor(options: CertificateOptions) {
    this.#options = options;
  }

  /** @throws Error saying what is wrong with the certificate, or why none could be had */
  async load(signal: AbortSignal): Promise<CertificatePair> {
    const onDisk = await this.#readFiles();
    if (onDisk) {
      checkPair(onDisk);
      this.#modified = await this.#modifiedAt();
      this.#current = onDisk;
      return onDisk;
    }
    return this.#request(signal);
  }

  /** Tells of each new pair: changed files, or a renewal of our own. Bad ones are logged and not served. Runs until the signal aborts. */
  async watch(use: (pair: CertificatePair) => void, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const renewed = await this.#newPair(signal);
        if (!renewed) continue;
        use(renewed);
        log.info({ validTo: new X509Certificate(renewed.cert).validTo }, 'certificate renewed');
      } catch (error) {
        if (!signal.aborted) log.warn({ reason: messageOf(error) }, 'new certificate not used');
      }
    }
  }

  async #newPair(signal: AbortSignal): Promise<CertificatePair | undefined> {
    const modified = await this.#modifiedAt();
    if (modified !== this.#modified) {
      this.#modified = modified;
      const pair = await this.#readFiles();
      if (!pair || pair.cert === this.#current?.cert) return undefined;
      checkPair(pair);
      this.#isOurs = false;
      this.#current = pair;
      return pair;
    }
    return this.#isOurs && this.#current && isNearItsEnd(this.#current, this.#options.clock.now()) ? this.#request(signal) : undefined;
  }

  async #request(signal: AbortSignal): Promise<CertificatePair> {
    const { certFile, keyFile, instanceId, clock, log } = this.#options;
    if (instanceId === undefined)
      throw new Error(`${certFile} and ${keyFile} are not there, and without CONTAINER_ID nobody signs new ones`);
    const { key, csr } = await makeRequest();
    const cert = await this.#sign(csr, instanceId, signal);
    const pair = { key, cert };
    checkPair(pair);
    this.#isOurs = true;
    this.#current = pair;
    try {
      await writeFile(keyFile, key, { mode: 0o600 });
      await writeFile(certFile, cert);
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'certificate not kept on disk; the next start asks for another');
    }
    this.#modified = await this.#modifiedAt();
    log.info({ validTo: new X509Certificate(cert).validTo, at: clock.now() }, 'certificate signed');
    return pair;
  }

  async #sign(csr: string, instanceId: number, signal: AbortSignal): Promise<string> {
    const { apiUrl, clock, log } = this.#options;
    const url = `${apiUrl}/sign_cert/?instance_id=${instanceId}`;
    let reason = '';
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (attempt > 0) await clock.sleep(firstPauseMs * 2 ** (attempt - 1), signal);
      try {
        using limit = new AbortScope(signal, signTimeoutMs);
        const answer = await request(url, {
          method: 'POST',
          body: csr,
          headers: { 'content-type': 'application/octet-stream' },
          signal: limit.signal,
          dispatcher: this.#agent,
        });
        const text = await answer.body.text();
        if (answer.statusCode < 300 && text.includes('-----BEGIN CERTIFICATE-----')) return text;
        reason = answer.statusCode < 300 ? 'the answer is no certificate' : `status ${answer.statusCode}`;
      } catch (error) {
        signal.throwIfAborted();
        reason = messageOf(error);
      }
      log.warn({ attempt: attempt + 1, reason }, 'certificate not signed');
    }
    throw new Error(`Failed to get SSL Certificate: ${apiUrl} did not sign one in ${attempts} attempts (${reason})`);
  }

  async #readFiles(): Promise<CertificatePair | undefined> {
    const { certFile, keyFile } = this.#options;
    try {
      const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
      return { cert, key };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #modifiedAt(): Promise<string> {
    const times = [this.#options.certFile, this.#options.keyFile].map((file) =>
      stat(file).then(
        ({ mtimeMs, ino }) => `${ino}:${mtimeMs}`,
        () => '',
      ),
    );
    return (await Promise.all(times)).join(' ');
  }
}

/** @returns the end of its validity @throws Error when they do not belong together, or cannot be read */
export function checkPair({ key, cert }: CertificatePair): Date {
  let certificate: X509Certificate;
  let privateKey: KeyObject;
  try {
    certificate = new X509Certificate(cert);
    privateKey = createPrivateKey(key);
  } catch {
    throw new Error('Failed to get SSL Certificate: certificate or key is not readable PEM');
  }
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error('Failed to get SSL Certificate: certificate and key do not belong together');
  return certificate.validToDate;
}

function isNearItsEnd({ cert }: CertificatePair, now: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return to - now < (to - from) * renewalShare;
}

/** An RSA-2048 key and a request for it, as the vendor's start script makes them. */
async function makeRequest(): Promise<{ key: string; csr: string }> {
  await import('reflect-metadata'); // which the next one leans on; both are heavy, and seldom needed
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]), modulusLength: 2048 };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'C=US, ST=CA, CN=pyworker.vast.ai',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.nonRepudiation | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
      ),
      new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '0.0.0.0' }]),
    ],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    key: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }).toString(),
    csr: csr.toString('pem'),
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'unknown failure');
