import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { signAuth } from '@bluefly/vast-protocol';
import { silentLogger } from '../adapters/logger.ts';
import { createVastWorker, type VastWorker } from '../vast-worker.ts';
import type { WorkerConfig } from '../worker/config.ts';
import type { Parts } from '../worker/create-worker.ts';
import type { HandlerConfig, Payload } from '../worker/handler-config.ts';
import { FakeControlPlane } from './fake-control-plane.ts';
import { FakeModelServer } from './fake-model-server.ts';
import { readAll } from './fake-server.ts';

/** A worker between a fake model server and a fake control plane, all on free ports of 127.0.0.1. */

export interface RigOptions {
  /** Default: one parallel route /embed whose workload is `payload.workload`. */
  handlers?: HandlerConfig[];
  config?: Partial<WorkerConfig>;
  env?: NodeJS.ProcessEnv;
  /** Default: standalone and unsecured; true: with a control plane and verified signatures. */
  secured?: boolean;
  /** Load per second; no benchmark is run. Default 1e9: nothing ever waits. null: benchmark as configured. */
  perf?: number | null;
  /** Default true. */
  awaitReady?: boolean;
  /** Prepares the model server before the worker starts. */
  model?: (model: FakeModelServer) => void;
  parts?: Partial<Parts>;
}

export interface Reply {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  text: string;
  json(): any;
}

export const testHandler: HandlerConfig = {
  route: '/test',
  allowParallelRequests: true,
  workloadCalculator: (payload) => (payload.workload as number | undefined) ?? 1,
};

export class Rig implements AsyncDisposable {
  readonly model: FakeModelServer;
  readonly controlPlane: FakeControlPlane;
  readonly worker: VastWorker;
  readonly running: Promise<void>;
  port = 0;
  /** What the worker reports as its own `url`. */
  readonly workerUrl = 'http://127.0.0.1:41023';
  #nextRequest = 1;

  constructor(model: FakeModelServer, controlPlane: FakeControlPlane, worker: VastWorker) {
    this.model = model;
    this.controlPlane = controlPlane;
    this.worker = worker;
    this.running = worker.run();
    this.running.catch(() => undefined);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A grant as the control plane would sign it. */
  grant(fields: { requestIdx?: number; reqnum?: number; url?: string; cost?: number } = {}): Record<string, unknown> {
    const number = this.#nextRequest;
    this.#nextRequest += 1;
    return signAuth(this.controlPlane.privateKey, {
      cost: fields.cost ?? 1,
      endpoint: 'test',
      reqnum: fields.reqnum ?? number,
      request_idx: fields.requestIdx ?? number,
      url: fields.url ?? this.workerUrl,
    });
  }

  envelope(payload: Payload, extra: Record<string, unknown> = {}): string {
    return JSON.stringify({ auth_data: this.grant(), payload, ...extra });
  }

  /** Posts an envelope. */
  post(path: string, payload: Payload, extra: Record<string, unknown> = {}): Promise<Reply> {
    return this.send(path, this.envelope(payload, extra));
  }

  /** Sends a body as it is. */
  async send(path: string, body: string | Buffer, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
    const { response } = await this.open(path, body, options).answer;
    return replyOf(response);
  }

  async get(path: string): Promise<Reply> {
    return this.send(path, '', { method: 'GET' });
  }

  /** Opens a request whose answer can be read piece by piece, or left. */
  open(
    path: string,
    body: string | Buffer,
    { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ): OpenRequest {
    const outgoing = httpRequest(this.url + path, {
      method,
      agent: false,
      headers: { ...headers, ...(body.length > 0 ? { 'content-length': Buffer.byteLength(body) } : {}) },
    });
    const answer = once(outgoing, 'response').then(([response]) => ({ response: response as IncomingMessage }));
    answer.catch(() => undefined);
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    return { outgoing, answer, leave: () => outgoing.destroy() };
  }

  async health(): Promise<any> {
    return (await this.get('/health')).json();
  }

  /** Asks /health until it says so; each ask is a request, nothing sleeps. */
  async untilHealth(isMet: (health: any) => boolean): Promise<any> {
    for (;;) {
      const health = await this.health();
      if (isMet(health)) return health;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.model.release();
    await this.worker.stop().catch(() => undefined);
    await this.model.kill();
    await this.controlPlane.close();
  }
}

export interface OpenRequest {
  outgoing: ClientRequest;
  answer: Promise<{ response: IncomingMessage }>;
  /** The client goes away. */
  leave(): void;
}

export async function replyOf(response: IncomingMessage): Promise<Reply> {
  const body = await readAll(response);
  const text = body.toString();
  return { status: response.statusCode ?? 0, headers: response.headers, body, text, json: () => JSON.parse(text) };
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const model = new FakeModelServer();
  const controlPlane = new FakeControlPlane();
  options.model?.(model);
  await Promise.all([model.listen(), controlPlane.listen()]);
  const env: NodeJS.ProcessEnv = {
    WORKER_HOST: '127.0.0.1',
    WORKER_PORT: '0',
    MODEL_SERVER_PORT: String(model.port),
    DRAIN_TIMEOUT_SECONDS: '5',
    ...(options.secured
      ? {
          CONTAINER_ID: '4242',
          MASTER_TOKEN: 'mtok-0123456789abcdef',
          REPORT_ADDR: controlPlane.url,
          PUBLIC_IPADDR: '127.0.0.1',
          VAST_TCP_PORT_0: '41023',
          WORKER_HTTP_PORT: '0',
          PERF_CACHE_FILE: '/nonexistent/perf.json',
        }
      : { UNSECURED: 'true' }),
    ...options.env,
  };
  const perf = options.perf === undefined ? 1e9 : options.perf;
  const worker = createVastWorker(
    {
      handlers: options.handlers ?? [testHandler],
      ...(perf === null ? {} : { initialPerf: perf }),
      ...options.config,
    },
    { env, handleSignals: false, parts: { log: silentLogger, ...options.parts } },
  );
  const rig = new Rig(model, controlPlane, worker);
  rig.port = await worker.listening();
  if (options.awaitReady !== false) await rig.untilHealth(({ phase }) => phase === 'ready');
  return rig;
}
