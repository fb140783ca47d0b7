import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { request } from 'node:https';
import { signAuth } from '../../../packages/vast-protocol/src/index.ts';
import { FakeControlPlane, freePort, until } from '../../../packages/vast-worker/src/testing/index.ts';
import { FakeConsole } from './fake-console.ts';
import type { ImageWorkshop } from './image-workshop.ts';

/** A worker's container as Vast runs one: a control plane it reports to, a console that signs its certificate, public names. */

/** A process of a container, by its id on this machine. */
export interface ContainerProcess {
  pid: number;
  /** Words of the command; none: a zombie. */
  command: string[];
  isZombie: boolean;
}

export interface Health {
  phase: string;
  openRequests: number;
  modelServer: { origin: string };
}

export class RunningContainer implements AsyncDisposable {
  readonly controlPlane = new FakeControlPlane();
  readonly console: FakeConsole;
  readonly #workshop: ImageWorkshop;
  readonly #name: string;
  #port = 0;
  #trusted = '';
  #requests = 0;

  constructor(workshop: ImageWorkshop, name: string) {
    this.#workshop = workshop;
    this.#name = name;
    this.console = new FakeConsole(workshop.emptyFolder(`console-${name}`));
  }

  /** @param env besides what Vast sets */
  async run(image: string, env: Record<string, string>): Promise<void> {
    await this.controlPlane.listen();
    this.#trusted = await this.console.listen();
    this.#port = await freePort();
    const variables = {
      CONTAINER_ID: '4711',
      MASTER_TOKEN: 'the-master-token',
      REPORT_ADDR: this.controlPlane.url,
      VAST_API_URL: this.console.url,
      PUBLIC_IPADDR: '127.0.0.1',
      [`VAST_TCP_PORT_${this.#port}`]: String(this.#port),
      WORKER_PORT: String(this.#port),
      WORKER_HTTP_PORT: String(await freePort()),
      MODEL_SERVER_PORT: String(await freePort()),
      REQUIRE_GPU: 'false',
      ...env,
    };
    await this.#workshop.podman(
      'run',
      ...['--detach', '--name', this.#name, '--network', 'host', '--pull=never', '--health-interval', 'disable', '--cap-drop', 'all'],
      ...['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=10000:10000', '--log-driver', 'k8s-file'],
      ...Object.entries(variables).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
      `localhost/${image}`,
    );
  }

  /** Resolves when it takes requests, at the latest when the test's time is over. */
  async ready(): Promise<Health> {
    await until(async () => (await this.health())?.phase === 'ready');
    return (await this.health()) as Health;
  }

  /** undefined: nobody answers yet. */
  async health(): Promise<Health | undefined> {
    try {
      return JSON.parse((await this.#send('GET', '/health')).text) as Health;
    } catch (error) {
      if (['ECONNREFUSED', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  /** A payload in a signed envelope, as a client sends it that was routed here. */
  post(path: string, payload: unknown): Promise<{ status: number; text: string }> {
    this.#requests += 1;
    const grant = {
      cost: 1,
      endpoint: 'test',
      reqnum: this.#requests,
      request_idx: this.#requests,
      url: `https://127.0.0.1:${this.#port}`,
    };
    return this.#send('POST', path, JSON.stringify({ auth_data: signAuth(this.controlPlane.privateKey, grant), payload }));
  }

  /** Runs the image's HEALTHCHECK. */
  async isHealthy(): Promise<boolean> {
    return this.#workshop.podman('healthcheck', 'run', this.#name).then(
      () => true,
      () => false,
    );
  }

  /** @returns the exit code */
  async stop(): Promise<number> {
    await this.#workshop.podman('stop', '--time', '60', this.#name);
    return Number(await this.#workshop.podman('inspect', '--format', '{{.State.ExitCode}}', this.#name));
  }

  async start(): Promise<void> {
    await this.#workshop.podman('start', this.#name);
  }

  logs(): Promise<string> {
    return this.#workshop.podman('logs', this.#name);
  }

  /** Of a file in it, while it runs. */
  read(path: string): Promise<string> {
    return this.#workshop.podman('exec', this.#name, 'cat', path);
  }

  /** Everything that runs in it. */
  async processes(): Promise<ContainerProcess[]> {
    const first = await this.#workshop.podman('inspect', '--format', '{{.State.Pid}}', this.#name);
    const namespace = namespaceOf(first);
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid) || namespaceOf(pid) !== namespace) return [];
      return describeProcess(pid);
    });
  }

  /** The only one whose command has the word. */
  async processWith(word: string): Promise<number> {
    const found = (await this.processes()).filter(({ command }) => command.includes(word));
    if (found.length !== 1 || !found[0]) throw new Error(`${found.length} processes of ${this.#name} have the argument ${word}`);
    return found[0].pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workshop.podman('rm', '--force', '--time', '1', '--volumes', this.#name).catch(() => undefined);
    await this.controlPlane.close();
    await this.console.close();
  }

  #send(method: string, path: string, body = ''): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: this.#port, method, path, ca: this.#trusted, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.once('error', reject);
      })
        .once('error', reject)
        .end(body);
    });
  }
}

/** undefined: it has ended. */
function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function describeProcess(pid: string): ContainerProcess[] {
  try {
    const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    return [{ pid: Number(pid), command, isZombie: state === 'Z' }];
  } catch {
    return []; // it ended while we looked
  }
}
