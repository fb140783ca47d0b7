import { createHash, createPublicKey, createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import vectors from '../test-vectors/signature.json' with { type: 'json' };
import { parsePublicKey, type SignatureForm, signAuth, signatureForms, signedMessage, verifySignature } from './signature.ts';

const key = createPublicKey(vectors.publicKey);

interface Vector {
  name: string;
  form: string;
  auth: { cost: number; endpoint: string; reqnum: number; request_idx: number; url: string };
  rawAuth?: string;
  message: string;
  sha256: string;
  signature: string;
}
const all: Vector[] = vectors.vectors;
const [current] = all as [Vector];
const inputOf = ({ form, auth, rawAuth, signature }: Vector) => ({
  key,
  form: form as SignatureForm,
  auth: { ...auth, signature },
  ...(rawAuth ? { rawAuth: Buffer.from(rawAuth) } : {}),
});

describe('signature', () => {
  it.each(all)('builds the signed text: $name', ({ form, auth, rawAuth, message, sha256 }) => {
    const text = signedMessage(form as SignatureForm, auth, rawAuth ? Buffer.from(rawAuth) : undefined);
    expect(text).toBe(message);
    expect(createHash('sha256').update(text).digest('hex')).toBe(sha256);
  });

  it.each(all)('verifies the vector: $name', (vector) => {
    expect(verifySignature(inputOf(vector))).toBe(true);
  });

  it('protects the address and nothing else in the current form', () => {
    const input = inputOf(current);
    const others = { cost: 9, endpoint: 'other', reqnum: 9, request_idx: 9 };
    expect(verifySignature({ ...input, auth: { ...input.auth, ...others } })).toBe(true);
    for (const url of ['https://203.0.113.10:41024', 'https://203.0.113.10:41023/', 'http://203.0.113.10:41023']) {
      expect(verifySignature({ ...input, auth: { ...input.auth, url } })).toBe(false);
    }
  });

  it.each([
    ['CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
    ['no blanks', (text: string) => text.replaceAll(/\s/g, '')],
    ['a final newline', (text: string) => `${text}\n`],
  ])('is over exact bytes: %s does not verify', (_, change) => {
    const signature = Buffer.from(current.signature, 'base64');
    expect(createVerify('RSA-SHA256').update(change(current.message)).verify(key, signature)).toBe(false);
    expect(createVerify('RSA-SHA256').update(current.message).verify(key, signature)).toBe(true); // the control
  });

  it('needs the original text of cost where cost is signed', () => {
    const legacy = all[2] as Vector;
    const changed = { ...inputOf(legacy), rawAuth: Buffer.from((legacy.rawAuth as string).replace('242.0', '242')) };
    expect(verifySignature(changed)).toBe(false);
    expect(verifySignature({ key, form: 'all-fields', auth: inputOf(legacy).auth })).toBe(true); // written as Python writes a float
  });

  it.each([
    ['242', '242'],
    ['242.0', '242.0'],
    ['242.00', '242.0'],
    ['2.42e2', '242.0'],
    ['1e-5', '1e-05'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
  ])('writes the cost %s as Python does when it has read it: %s', (sent, written) => {
    const auth = { ...current.auth, cost: Number(sent) };
    for (const rawAuth of [`{"cost": ${sent}}`, Buffer.from(`{"x": {"cost": 1}, "c\\u006fst": ${sent}}`)]) {
      expect(signedMessage('legacy-2024', auth, rawAuth)).toContain(`"cost": ${written},\n`);
    }
  });

  it.each(['', '[]', '{"cost": "1"}', '{"cost": {}}', '{}', '{'])('writes the cost as a float when the raw grant is %j', (rawAuth) => {
    expect(signedMessage('all-fields', { ...current.auth, cost: 242 }, rawAuth)).toContain('"cost": 242.0,');
  });

  it('does not verify with another kind of key, nor the other messages of the same fields', () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signature = createSign('RSA-SHA256').update(current.message).sign(pair.privateKey, 'base64');
    expect(createVerify('RSA-SHA256').update(current.message).verify(pair.publicKey, signature, 'base64')).toBe(true); // the control
    expect(verifySignature({ ...inputOf(current), key: pair.publicKey, auth: { ...current.auth, signature } })).toBe(false);
    for (const form of signatureForms.filter((name) => name !== 'url')) {
      expect(verifySignature({ ...inputOf(current), form })).toBe(false);
    }
  });

  it.each([
    ['empty', ''],
    ['unpadded', current.signature.replace(/=+$/, '')],
    ['url-safe alphabet', current.signature.replaceAll('+', '-').replaceAll('/', '_')],
    ['with bits after its end', current.signature.replace('A==', 'B==')],
    ['no text at all', undefined as unknown as string],
    ['255 bytes', Buffer.alloc(255, 1).toString('base64')],
    ['257 bytes', Buffer.alloc(257, 1).toString('base64')],
    ['with blanks', `${current.signature.slice(0, 10)} ${current.signature.slice(10)}`],
    ['not base64', '!!!!'],
    ['another signature', (all[1] as Vector).signature],
  ])('does not verify and does not throw: %s', (_, signature) => {
    const input = inputOf(current);
    expect(verifySignature({ ...input, auth: { ...input.auth, signature } })).toBe(false);
  });

  it('verifies nothing in a form it does not know', () => {
    expect(verifySignature({ ...inputOf(current), form: 'toString' as SignatureForm })).toBe(false);
  });

  it('signs what it verifies, in every form', () => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    for (const form of signatureForms) {
      const auth = signAuth(pair.privateKey, current.auth, form);
      expect(verifySignature({ key: pair.publicKey, form, auth })).toBe(true);
      expect(verifySignature({ key, form, auth })).toBe(false);
    }
  });
});

describe('public key', () => {
  it('is read as SubjectPublicKeyInfo and as PKCS#1', () => {
    expect(parsePublicKey(vectors.publicKey)).toBeDefined();
    expect(parsePublicKey(key.export({ type: 'pkcs1', format: 'pem' }).toString())).toBeDefined();
  });

  it.each([
    [
      'RSA for another padding',
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
    ['nothing', ''],
    ['an error page', '<html>not found</html>'],
    ['an elliptic curve', generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['a short key', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    ['a broken key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
    ['a private key', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
  ])('is not made of %s', (_, text) => {
    expect(parsePublicKey(text)).toBeUndefined();
  });
});
