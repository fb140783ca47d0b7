import { constants, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { AuthData } from './auth-data.ts';
import { defaultMaxDepth, findMembers } from './payload-span.ts';
import { pythonFloat, pythonString } from './python-json.ts';

/**
 * What the router signs: RSASSA-PKCS1-v1_5 with SHA-256 over a small JSON text. Which fields the text holds changed over
 * time, and what production signs today is not certain; so the form is a choice, and an unknown form verifies nothing.
 * Source: `__check_signature`, the reference worker's `backend.py`.
 */
export const signatureForms = ['url', 'all-fields', 'legacy-2024'] as const;
export type SignatureForm = (typeof signatureForms)[number];

const signedFields: Record<SignatureForm, readonly (keyof SignedFields)[]> = {
  /** Since December 2025. Nothing but the worker's address is protected. */
  url: ['url'],
  /** 2025: all fields but `signature` and `__request_id`, keys sorted. */
  'all-fields': ['cost', 'endpoint', 'reqnum', 'request_idx', 'url'],
  /** 2024: before there was a `request_idx`; in order of declaration. */
  'legacy-2024': ['cost', 'endpoint', 'reqnum', 'url'],
};

export type SignedFields = Pick<AuthData, 'cost' | 'endpoint' | 'reqnum' | 'request_idx' | 'url'>;

/**
 * The exact text that is signed: Python's `json.dumps(fields, indent=4)`.
 * @param rawAuth the JSON text of `auth_data` as it came. Python writes an integer `cost` as `242` and a float as
 *   `242.0`; a parsed number no longer tells which it was. Without the text it is written as a float.
 */
export function signedMessage(form: SignatureForm, fields: SignedFields, rawAuth?: Buffer | string): string {
  const lines = signedFields[form].map((name) => `    "${name}": ${fieldText(name, fields, rawAuth)}`);
  return `{\n${lines.join(',\n')}\n}`;
}

export interface VerifySignatureInput {
  /** See `parsePublicKey`. */
  key: KeyObject;
  form: SignatureForm;
  auth: SignedFields & Pick<AuthData, 'signature'>;
  /** The JSON text of `auth_data`, for the forms that cover `cost`. */
  rawAuth?: Buffer | string | undefined;
}

/** Never throws: what cannot be verified (an unknown form, another kind of key, bad base64) does not verify. */
export function verifySignature({ key, form, auth, rawAuth }: VerifySignatureInput): boolean {
  if (!signatureForms.includes(form) || key.asymmetricKeyType !== 'rsa') return false;
  try {
    const signature = decodeBase64(auth.signature);
    if (!signature) return false;
    return verify('sha256', Buffer.from(signedMessage(form, auth, rawAuth)), { key, padding }, signature);
  } catch {
    return false;
  }
}

/** Signs as the router does, `cost` as a float. For emulators and tests. */
export function signAuth<Fields extends SignedFields>(
  privateKey: KeyObject,
  fields: Fields,
  form: SignatureForm = 'url',
): Fields & { signature: string } {
  const signature = sign('sha256', Buffer.from(signedMessage(form, fields)), { key: privateKey, padding });
  return { ...fields, signature: signature.toString('base64') };
}

const padding = constants.RSA_PKCS1_PADDING;

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

function fieldText(name: keyof SignedFields, fields: SignedFields, rawAuth: Buffer | string | undefined): string {
  if (name === 'cost') return integerText(name, rawAuth) ?? pythonFloat(fields.cost);
  const value = fields[name];
  return typeof value === 'string' ? pythonString(value) : String(value);
}

/** The digits of a member that was written as an integer, which Python keeps one; undefined for all else. */
function integerText(name: string, rawAuth: Buffer | string | undefined): string | undefined {
  if (rawAuth === undefined) return undefined;
  const bytes = typeof rawAuth === 'string' ? Buffer.from(rawAuth) : rawAuth;
  const found = findMembers(bytes, defaultMaxDepth);
  const member = found.ok ? found.members.findLast(({ key }) => key === name) : undefined;
  const text = member && bytes.toString('utf8', member.start, member.end);
  return text !== undefined && /^-?\d+$/.test(text) ? text : undefined;
}

/** Strict: the reference skips characters outside the alphabet, which helps nobody but who forges. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}
