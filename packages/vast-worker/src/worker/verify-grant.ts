import { authDataSchema, findMembers, parsePublicKey, signatureForms, signedMessage, verifySignature } from '@bluefly/vast-protocol';

/** Which form of signature a captured grant has. What production signs is not certain, so operators can look. */
export interface GrantExplanation {
  /** For people. Never holds the signature. */
  lines: string[];
  verifies: boolean;
}

/**
 * @param captured a grant as JSON, or an envelope that holds one
 * @throws Error saying what is wrong with the grant or the key
 */
export function explainGrant(captured: Buffer, publicKeyPem: string): GrantExplanation {
  const key = parsePublicKey(publicKeyPem);
  if (!key) throw new Error('The key is not an RSA public key of 2048 bits or more in PEM.');
  const rawAuth = grantBytes(captured);
  const parsed = authDataSchema.safeParse(JSON.parse(rawAuth.toString()));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Error(`The grant is not complete:\n${problems.join('\n')}`);
  }
  const auth = parsed.data;
  const lines = [`Grant for ${auth.url}, endpoint ${auth.endpoint}, reqnum ${auth.reqnum}, request_idx ${auth.request_idx}.`];
  let verifying: string | undefined;
  for (const form of signatureForms) {
    const isGood = verifySignature({ key, form, auth, rawAuth });
    if (isGood) verifying = form;
    lines.push(
      '',
      `${isGood ? 'verifies' : 'does not verify'}: form ${form}, whose signed text is`,
      indent(signedMessage(form, auth, rawAuth)),
    );
  }
  lines.push(
    '',
    verifying
      ? `Set SIGNATURE_FORM=${verifying}.`
      : 'No known form verifies. The worker refuses such grants; UNSECURED=true would accept anything.',
  );
  return { lines, verifies: verifying !== undefined };
}

function grantBytes(captured: Buffer): Buffer {
  const found = findMembers(captured, 64);
  if (!found.ok) throw new Error('The file holds no JSON object.');
  const member = found.members.find(({ key }) => key === 'auth_data');
  return member ? captured.subarray(member.start, member.end) : captured;
}

const indent = (text: string) => text.replaceAll(/^/gm, '  | ');
