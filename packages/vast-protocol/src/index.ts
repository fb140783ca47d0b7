export { type AuthData, authDataSchema } from './auth-data.ts';
export {
  type DeleteRequests,
  deleteRequestsSchema,
  type FinishedRequestReport,
  finishedRequestSchema,
  legacyDeleteRequestsSchema,
  type ReceivedDeleteRequests,
  receivedDeleteRequestsSchema,
} from './delete-requests.ts';
export {
  type Envelope,
  type EnvelopeHead,
  type EnvelopeProblem,
  type EnvelopeResult,
  parseEnvelope,
  parseEnvelopeHead,
} from './envelope.ts';
export { paths } from './paths.ts';
export { defaultMaxDepth, findMembers, type Member, type MembersResult } from './payload-span.ts';
export { pythonFloat, pythonString } from './python-json.ts';
export {
  isReady,
  type ReadyAnswer,
  type RouteAnswer,
  type RouteRequest,
  readyAnswerSchema,
  routeAnswerSchema,
  routeRequestSchema,
  type WaitingAnswer,
  waitingAnswerSchema,
} from './route.ts';
export {
  type CreatedSession,
  type CreateSession,
  createdSessionSchema,
  createSessionSchema,
  endedSessionSchema,
  type SessionDetails,
  type SessionRequest,
  sessionDetailsSchema,
  sessionHealthSchema,
  sessionRequestSchema,
} from './sessions.ts';
export {
  parsePublicKey,
  type SignatureForm,
  type SignedFields,
  signAuth,
  signatureForms,
  signedMessage,
  type VerifySignatureInput,
  verifySignature,
} from './signature.ts';
export { protocolVersion, type ReceivedStatus, receivedStatusSchema, type WorkerStatus, workerStatusSchema } from './worker-status.ts';
