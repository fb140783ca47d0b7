/** Literal paths that both ends of a message use. */
export const paths = {
  /** Worker → control plane. */
  workerStatus: '/worker_status/',
  deleteRequests: '/delete_requests/',
  publicKey: '/pubkey/',
  /** Client → control plane. */
  route: '/route/',
  /** Worker → console. */
  signCertificate: '/api/v0/sign_cert/',
  /** Client → worker. */
  sessionCreate: '/session/create',
  sessionGet: '/session/get',
  sessionHealth: '/session/health',
  sessionEnd: '/session/end',
  /** Control plane → worker. */
  update: '/pyworker/update',
} as const;
