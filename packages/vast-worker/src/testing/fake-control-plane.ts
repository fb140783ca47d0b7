import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DeleteRequests, paths, type WorkerStatus } from '@bluefly/vast-protocol';
import { FakeServer, readAll, Waiters } from './fake-server.ts';

/** A control plane that keeps what it is told: statuses, deletions, and who asked for the key. */
export class FakeControlPlane {
  readonly statuses: WorkerStatus[] = [];
  readonly deletions: DeleteRequests[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  keyRequests = 0;
  /** Status of answers to reports; 0 cuts the connection. */
  answerWith = 200;
  /** Called before a report is answered: a slow control plane awaits something here. */
  beforeAnswer: (kind: 'status' | 'deletions') => Promise<void> | void = () => undefined;
  /** Status of answers to key requests. */
  keyStatus = 200;
  privateKey: KeyObject;
  #publicKeyPem: string;
  readonly #server: FakeServer;
  readonly #waiters = new Waiters();

  constructor() {
    const pair = testKeys();
    this.privateKey = pair.privateKey;
    this.#publicKeyPem = pair.publicKeyPem;
    this.#server = new FakeServer((request, response) => void this.#serve(request, response));
  }

  get url(): string {
    return this.#server.url;
  }

  listen(): Promise<void> {
    return this.#server.listen();
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** A new key pair, as after a rotation. */
  rotateKey(): void {
    const pair = makeKeys();
    this.privateKey = pair.privateKey;
    this.#publicKeyPem = pair.publicKeyPem;
  }

  /** Resolves when some status satisfies `predicate`. */
  async status(predicate: (status: WorkerStatus) => boolean): Promise<WorkerStatus> {
    await this.#waiters.until(() => this.statuses.some(predicate));
    return this.statuses.find(predicate) as WorkerStatus;
  }

  /** Resolves when everything kept satisfies `isMet`; looked at after each report. */
  until(isMet: () => boolean): Promise<void> {
    return this.#waiters.until(isMet);
  }

  sumOf(field: 'new_load' | 'cur_perf' | 'rej_load'): number {
    return this.statuses.reduce((sum, status) => sum + status[field], 0);
  }

  get deletedRequests(): DeleteRequests['requests'] {
    return this.deletions.flatMap(({ requests }) => requests);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === paths.publicKey) {
      this.keyRequests += 1;
      response.writeHead(this.keyStatus).end(this.keyStatus === 200 ? this.#publicKeyPem : 'no key');
      this.#waiters.look();
      return;
    }
    const body = JSON.parse((await readAll(request)).toString());
    const kind = request.url === paths.workerStatus ? 'status' : 'deletions';
    this.headers.push(request.headers);
    await this.beforeAnswer(kind);
    if (this.answerWith === 0) {
      request.socket.destroy();
      return;
    }
    if (this.answerWith < 400) {
      if (kind === 'status') this.statuses.push(body);
      else this.deletions.push(body);
    }
    response.writeHead(this.answerWith).end('{}');
    this.#waiters.look();
  }
}

function makeKeys(): { privateKey: KeyObject; publicKeyPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey, publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}

let keys: ReturnType<typeof makeKeys> | undefined;
/** Making a key takes a while; one serves all tests of a file. */
const testKeys = () => (keys ??= makeKeys());
