import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Docker's HEALTHCHECK: the exit code is 0 when the worker of this container is ready. Reads the worker's own variables. */

/** Shorter than Docker's, so that it is this program that says what is wrong. */
const timeoutMs = 2_500;

/** The certificate is not verified: it names the public address, and this is the loopback interface. */
export function askHealth(env: NodeJS.ProcessEnv): Promise<number> {
  const request = env.USE_SSL === 'true' ? httpsRequest : httpRequest;
  const host = env.WORKER_HOST || '127.0.0.1';
  return new Promise((resolve, reject) => {
    request(
      { host, port: env.WORKER_PORT, path: '/health', rejectUnauthorized: false, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    )
      .once('error', reject)
      .end();
  });
}

if (import.meta.main) {
  try {
    const status = await askHealth(process.env);
    process.stdout.write(`/health answers ${status}\n`);
    process.exitCode = status === 200 ? 0 : 1;
  } catch (error) {
    process.stdout.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
