import type { RunningService } from './options.ts';
import type { Job } from './services.ts';

/** What to do with workers that are ready: lines to copy. */
export function greeting(running: readonly RunningService[]): string {
  const parts = running.map(({ service, workerPort }) => {
    const url = `http://127.0.0.1:${workerPort}`;
    const jobs = service.jobs.map((job) => `  # ${job.title}\n  ${curl(url, job)}\n`);
    return `${service.name} is ready on ${url}\n\n${jobs.join('\n')}`;
  });
  const caveats = running.map(({ service }) => service.caveat).join(', ');
  return `
${parts.join('\n')}
Each answers GET /health and GET /metrics too.
${caveats}: no neural model, good for building against, not for production.
Ctrl-C stops everything.
`;
}

export const curl = (url: string, { path, payload }: Job): string => `curl -s ${url}${path} -d '${envelope(url, payload)}'`;

/** What Vast's router would have signed; here nobody looks at the signature. */
function envelope(url: string, payload: Record<string, unknown>): string {
  const grant = { cost: 1, endpoint: 'local', reqnum: 1, request_idx: 1, signature: 'unsecured', url };
  return JSON.stringify({ auth_data: grant, payload });
}
