import { createPublicKey, createSign, createVerify, type KeyObject } from 'node:crypto';
import type { AuthData } from './auth-data.ts';
import { findMembers } from './payload-span.ts';
import { pythonFloat, pythonString } from './python-json.ts';

/**
 * What the router signs: RSASSA-PKCS1-v1_5 with SHA-256 over a small JSON text. Which fields the text holds changed over
 * time, and what production signs today is not certain; so the form is a choice, and an unknown form verifies nothing.
 * Source: `__check_signature`, the reference worker's `backend.py`.
 */
export const signatureForms = {
  /** Since December 2025. Nothing but the worker's address is protected. */
  url: ['url'],
  /** 2025: all fields, keys sorted. */
  'all-fields': ['cost', 'endpoint', 'reqnum', 'request_idx', 'url'],
  /** 2024: before there was a request_idx, in order of declaration. */
  'legacy-2024': ['cost', 'endpoint', 'reqnum', 'url'],
} as const satisfies Record<string, readonly (keyof SignedFields)[]>;

export type SignatureForm = keyof typeof signatureForms;

export type SignedFields = Pick<AuthData, 'cost' | 'endpoint' | 'reqnum' | 'request_idx' | 'url'>;

/**
 * The exact text that is signed: Python's `json.dumps(fields, indent=4)`.
 * @param rawAuth the bytes of `auth_data` as they came. `cost` is signed as its original text (`242.0`), which a parsed
 *   number no longer has; without them it is written as Python writes a float.
 */
export function signedMessage(form: SignatureForm, fields: SignedFields, rawAuth?: Buffer): string {
  const lines = signatureForms[form].map((name) => `    "${name}": ${fieldText(name, fields, rawAuth)}`);
  return `{\n${lines.join(',\n')}\n}`;
}

export interface VerifySignatureInput {
  key: KeyObject;
  form: SignatureForm;
  auth: SignedFields & Pick<AuthData, 'signature'>;
  /** The bytes of `auth_data`, for the forms that cover `cost`. */
  rawAuth?: Buffer;
}

/** Never throws: what cannot be verified does not verify. */
export function verifySignature({ key, form, auth, rawAuth }: VerifySignatureInput): boolean {
  if (!Object.hasOwn(signatureForms, form)) return false;
  const signature = decodeBase64(auth.signature);
  if (!signature) return false;
  try {
    return createVerify('RSA-SHA256')
      .update(signedMessage(form, auth, rawAuth))
      .verify(key, signature);
  } catch {
    return false;
  }
}

/** Signs as the router does. For emulators and tests. */
export function signAuth<Fields extends SignedFields>(
  privateKey: KeyObject,
  fields: Fields,
  form: SignatureForm = 'url',
): Fields & { signature: string } {
  const signature = createSign('RSA-SHA256').update(signedMessage(form, fields)).sign(privateKey, 'base64');
  return { ...fields, signature };
}

/** An RSA public key of at least 2048 bits in PEM, SubjectPublicKeyInfo or PKCS#1; undefined for anything else. */
export function parsePublicKey(pem: string): KeyObject | undefined {
  if (!/^\s*-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) return undefined;
  try {
    const key = createPublicKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return key.asymmetricKeyType === 'rsa' && bits >= 2048 ? key : undefined;
  } catch {
    return undefined;
  }
}

function fieldText(name: keyof SignedFields, fields: SignedFields, rawAuth: Buffer | undefined): string {
  if (name === 'cost') return rawNumber(rawAuth, name) ?? pythonFloat(fields.cost);
  const value = fields[name];
  return typeof value === 'string' ? pythonString(value) : String(value);
}

function rawNumber(rawAuth: Buffer | undefined, name: string): string | undefined {
  if (!rawAuth) return undefined;
  const found = findMembers(rawAuth, 64);
  if (!found.ok) return undefined;
  const member = found.members.findLast(({ key }) => key === name);
  return member && rawAuth.toString('utf8', member.start, member.end);
}

/** Strict: the reference skips characters outside the alphabet, which helps nobody but who forges. */
function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}
