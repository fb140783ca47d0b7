import { CallRefused, NotARanking } from './rank-parts.ts';

/** What a client is told when the model server did not rank. */

/** For clients that speak the model server's own dialect. */
export function refusalAsItIs(work: () => Promise<Response>): Promise<Response> {
  return answered(work, async ({ answer }) => answer);
}

/** For clients that know nothing of it: its status, and its words where they are about the request. */
export function refusalTranslated(work: () => Promise<Response>): Promise<Response> {
  return answered(work, async ({ answer }) => errorResponse(answer.status, 'MODEL_SERVER_REFUSED', await wordsOf(answer)));
}

async function answered(work: () => Promise<Response>, refusal: (refused: CallRefused) => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CallRefused) return refusal(error);
    if (error instanceof NotARanking) return errorResponse(502, 'MODEL_SERVER_NOT_UNDERSTOOD', 'The model server’s answer is no ranking.');
    throw error;
  }
}

/** The worker's own shape of an error. */
export function errorResponse(status: number, code: string, message: string): Response {
  const type = status < 500 ? 'invalid_request_error' : 'server_error';
  return Response.json({ error: { code, message, type, param: null }, message }, { status });
}

/** `{ error }` of text-embeddings-inference quotes figures and no texts; what its framework writes might quote what was sent. */
async function wordsOf(answer: Response): Promise<string> {
  const body = (await answer.json().catch(() => undefined)) as { error?: unknown } | null | undefined;
  return typeof body?.error === 'string' ? body.error : 'The model server refused the request.';
}
