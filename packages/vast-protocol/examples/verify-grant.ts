import { generateKeyPairSync } from 'node:crypto';
import { parseEnvelope, parsePublicKey, signAuth, verifySignature } from '@bluefly/vast-protocol';

// The control plane's part: it signs a grant for a worker's address and hands it to a client.
const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const grant = signAuth(keys.privateKey, { url: 'https://203.0.113.10:41023', endpoint: 'demo', cost: 3, reqnum: 7, request_idx: 678 });

// The client's part: it sends the grant along with its request.
const body = Buffer.from(JSON.stringify({ auth_data: grant, payload: { input: ['a', 'b', 'c'] } }));

// The worker's part: it reads both, and checks the signature with the key it fetched.
const key = parsePublicKey(keys.publicKey.export({ type: 'spki', format: 'pem' }).toString());
const envelope = parseEnvelope(body);
if (!key) throw new Error('not a public key to trust');
if (!envelope.ok) throw new Error(envelope.problems.map(({ path, message }) => `${path}: ${message}`).join('; '));

const verified = verifySignature({ key, form: 'url', auth: envelope.auth, rawAuth: envelope.authBytes });
console.log(verified ? 'forward' : 'refuse', envelope.payloadBytes.toString()); // forward {"input":["a","b","c"]}
