import { signAuth } from '@bluefly/vast-protocol';
import { FakeControlPlane, type StartedProcess, startProcess } from '@bluefly/vast-worker/testing';

/** The real service as a process, between the embedded model server (a process too) and a control plane that signs and listens. */
export interface StartedService extends AsyncDisposable {
  url: string;
  worker: StartedProcess;
  model: StartedProcess;
  controlPlane: FakeControlPlane;
  /** Sends a payload in a signed envelope, as a client does that was routed here. */
  post(path: string, payload: unknown): Promise<Response>;
  /** A `fetch` for clients that know no envelopes. */
  envelopeFetch: typeof fetch;
  /** Any bytes as the payload, in an envelope that is right otherwise. */
  envelopeAround(payload: Buffer): Buffer;
  health(): Promise<{ workload: Record<string, number>; openRequests: number; phase: string }>;
}

const modelServerMain = new URL('../../../packages/cpu-model-server/src/main.ts', import.meta.url);
const serviceMain = new URL('../src/main.ts', import.meta.url);

export async function startService(env: Record<string, string> = {}, modelArguments: string[] = []): Promise<StartedService> {
  const controlPlane = new FakeControlPlane();
  await controlPlane.listen();
  const model = startProcess(modelServerMain, { NO_COLOR: '1' }, ['--model-kind', 'reranker', '--port', '0', ...modelArguments]);
  await model.said(': Ready');
  const modelPort = /Starting HTTP server: 127\.0\.0\.1:(\d+)/.exec(model.output())?.[1] ?? '';
  const worker = startProcess(serviceMain, {
    CONTAINER_ID: '31',
    MASTER_TOKEN: 'the-master-token',
    REPORT_ADDR: controlPlane.url,
    PUBLIC_IPADDR: '127.0.0.1',
    VAST_TCP_PORT_0: '41024',
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: '0',
    WORKER_HTTP_PORT: '0',
    MODEL_SERVER_PORT: modelPort,
    LOG_LEVEL: 'trace',
    PERF_CACHE_FILE: '/nonexistent/perf.json',
    ...env,
  });
  const url = `http://127.0.0.1:${await worker.port()}`;
  await controlPlane.status(({ max_perf }) => max_perf > 0);

  let requests = 0;
  const grant = () => {
    requests += 1;
    return signAuth(controlPlane.privateKey, {
      cost: 1,
      endpoint: 'compliance',
      reqnum: requests,
      request_idx: requests,
      url: 'http://127.0.0.1:41024',
    });
  };
  const post = (path: string, payload: unknown) =>
    fetch(url + path, { method: 'POST', body: JSON.stringify({ auth_data: grant(), payload }) });
  return {
    url,
    worker,
    model,
    controlPlane,
    post,
    envelopeFetch: (input, init) =>
      fetch(input, { ...init, body: JSON.stringify({ auth_data: grant(), payload: JSON.parse(init?.body as string) }) }),
    envelopeAround: (payload) =>
      Buffer.concat([Buffer.from(`{"auth_data":${JSON.stringify(grant())},"payload":`), payload, Buffer.from('}')]),
    health: async () => (await fetch(`${url}/health`)).json() as ReturnType<StartedService['health']>,
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await controlPlane.close();
    },
  };
}
