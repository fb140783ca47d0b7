import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { signAuth, type WorkerStatus } from '@bluefly/vast-protocol';
import { FakeControlPlane, FakeModelServer, type Reply, replyOf } from '../src/testing/index.ts';

/** A worker, the official one or ours, as a process behind the same fakes. */

export type Kind = 'official' | 'ours';

export interface SubjectOptions {
  env?: Record<string, string | undefined>;
  /** Default true: waits until the worker reports that it is ready. */
  /** It serves HTTPS; grants say so. Certificates are not verified here: the clients under test do that. */
  tls?: boolean;
  awaitReady?: boolean;
  /** REPORT_ADDR begins with an address where nobody listens. */
  deadAddressFirst?: boolean;
  model?: (model: FakeModelServer) => void;
  /** Called before the worker starts: leaves files in its working directory. */
  prepare?: (folder: string) => Promise<void>;
  /** Somebody else listens on the worker's port. */
  portTaken?: boolean;
  /** Default true: the log says at once that the model is loaded. */
  loaded?: boolean;
}

export class Subject implements AsyncDisposable {
  readonly kind: Kind;
  readonly port: number;
  readonly model = new FakeModelServer();
  readonly controlPlane = new FakeControlPlane();
  readonly folder: string;
  process!: ChildProcess;
  output = '';
  /** What the worker had counted when it was handed over. */
  requestsBefore = 0;
  /** Who listens on the worker's port in its place. */
  squatter: Server | undefined;
  #next = 1;

  readonly #tls: boolean;

  constructor(kind: Kind, port: number, folder: string, tls: boolean) {
    this.#tls = tls;
    this.kind = kind;
    this.port = port;
    this.folder = folder;
  }

  get url(): string {
    return `${this.#tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  get modelLog(): string {
    return join(this.folder, 'model.log');
  }

  grant(change: Record<string, unknown> = {}): Record<string, unknown> {
    const number = this.#next;
    this.#next += 1;
    const fields = { cost: 1, endpoint: 'test', reqnum: number, request_idx: number, url: this.url, ...change };
    return signAuth(this.controlPlane.privateKey, fields as never);
  }

  post(path: string, payload: Record<string, unknown>, extra: Record<string, unknown> = {}): Promise<Reply> {
    return this.send(path, JSON.stringify({ auth_data: this.grant(), payload, ...extra }));
  }

  send(path: string, body: string | Buffer, options: { method?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
    return this.open(path, body, options).reply;
  }

  open(path: string, body: string | Buffer, { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {}) {
    const send = this.#tls ? httpsRequest : request;
    const outgoing = send(this.url + path, {
      method,
      agent: false,
      rejectUnauthorized: false,
      headers: { 'content-length': Buffer.byteLength(body), ...headers },
    });
    const reply = once(outgoing, 'response').then(([response]) => replyOf(response as never));
    reply.catch(() => undefined);
    outgoing.on('error', () => undefined);
    outgoing.end(body);
    return { reply, leave: () => outgoing.destroy() };
  }

  log(line: string): Promise<void> {
    return appendFile(this.modelLog, line);
  }

  /** The next status that is reported after now; activity brings one about. */
  async nextStatus(): Promise<WorkerStatus> {
    const { statuses } = this.controlPlane;
    const seen = statuses.length;
    await within(
      15_000,
      this.controlPlane.until(() => statuses.length > seen),
    );
    return statuses.at(-1) as WorkerStatus;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await once(this.process, 'close');
    }
    this.squatter?.close();
    await Promise.all([this.model.kill(), this.controlPlane.close()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function startSubject(kind: Kind, python: string, options: SubjectOptions = {}): Promise<Subject> {
  const subject = new Subject(kind, await freePort(), await mkdtemp(join(tmpdir(), 'conformance-')), options.tls === true);
  options.model?.(subject.model);
  await options.prepare?.(subject.folder);
  if (options.portTaken) subject.squatter = createServer().listen(subject.port);
  await Promise.all([subject.model.listen(), subject.controlPlane.listen()]);
  if (options.loaded !== false) await writeFile(subject.modelLog, 'the model is loaded\n');
  const env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    CONTAINER_ID: '4242',
    MASTER_TOKEN: 'the-master-token',
    REPORT_ADDR: `${options.deadAddressFirst ? 'http://127.0.0.1:1,' : ''}${subject.controlPlane.url}`,
    PUBLIC_IPADDR: '127.0.0.1',
    WORKER_PORT: String(subject.port),
    [`VAST_TCP_PORT_${subject.port}`]: String(subject.port),
    WORKER_HTTP_PORT: String(await freePort()),
    MODEL_SERVER_PORT: String(subject.model.port),
    MODEL_LOG: subject.modelLog,
    PERF_CACHE_FILE: join(subject.folder, 'perf.json'),
    DRAIN_TIMEOUT_SECONDS: '5',
    SSL_CERT_FILE: join(subject.folder, 'instance.crt'),
    SSL_KEY_FILE: join(subject.folder, 'instance.key'),
    ...options.env,
  };
  const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const [command, args] =
    kind === 'official'
      ? [python, [script('official-worker.py')]]
      : [process.execPath, ['--conditions=@bluefly/source', script('our-worker.ts')]];
  subject.process = spawn(command, args, { cwd: subject.folder, env: env as NodeJS.ProcessEnv, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [subject.process.stdout, subject.process.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      subject.output += chunk.toString();
    });
  }
  try {
    if (options.awaitReady !== false) await untilReady(subject);
    return subject;
  } catch (error) {
    await subject[Symbol.asyncDispose]();
    throw error;
  }
}

/** The official worker tells that it is ready with the next report that something else brings about. */
async function untilReady(subject: Subject): Promise<void> {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    const ready = subject.controlPlane.status(({ loadtime }) => loadtime > 0);
    if (await settlesWithin(1_000, ready)) break;
    await subject.post('/test', { workload: 0 }).catch(() => undefined);
  }
  if (!subject.controlPlane.statuses.some(({ loadtime }) => loadtime > 0))
    throw new Error(`${subject.kind} worker did not get ready:\n${subject.output.slice(-2000)}`);
  await subject.post('/test', { workload: 0 });
  await subject.nextStatus(); // nothing of the start is left to report
  subject.requestsBefore = subject.controlPlane.statuses.at(-1)?.num_requests_recieved ?? 0;
  subject.model.forget();
  subject.controlPlane.statuses.length = 0;
  subject.controlPlane.deletions.length = 0;
}

export async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  const timer = sleep(ms, false, { signal: over.signal }).catch(() => false);
  const settled = await Promise.race([
    work.then(
      () => true,
      () => true,
    ),
    timer,
  ]);
  over.abort();
  return settled;
}

export async function within<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  if (!(await settlesWithin(ms, work))) throw new Error(`nothing came within ${ms} ms`);
  return work;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
