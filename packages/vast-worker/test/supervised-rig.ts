import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { HandlerConfig, WorkerConfig } from '../src/index.ts';
import { freePort, type Rig, startRig, temporaryFolder, until } from '../src/testing/index.ts';

/** A worker in this process that starts a model server as a process of its own, on a free port and in a folder of its own. */

export interface SupervisedRig extends AsyncDisposable {
  rig: Rig;
  folder: string;
  modelPort: number;
  /** What the model server wrote and the worker passed on. */
  output(): string;
  /** Resolves with the reason of the first change to that phase; also when the phase was over long ago. */
  cameTo(phase: string): Promise<string>;
  /** Of every change of phase so far. */
  reasons(): string[];
  /** Resolves with the health that satisfies. */
  health(isMet: (health: any) => boolean): Promise<any>;
}

export interface SupervisedRigOptions {
  /** @param port where the model server should listen */
  program: (port: number) => [command: string, ...args: string[]];
  /** Default: /embed. */
  handlers?: HandlerConfig[];
  config?: Partial<WorkerConfig>;
  modelServer?: Partial<NonNullable<WorkerConfig['modelServer']>>;
  env?: Record<string, string>;
  secured?: boolean;
  /** Default: a new one. */
  folder?: string;
  modelPort?: number;
}

export async function startSupervisedRig(options: SupervisedRigOptions): Promise<SupervisedRig> {
  const folder = await temporaryFolder();
  const modelPort = options.modelPort ?? (await freePort());
  const [command, ...args] = options.program(modelPort);
  const lines: string[] = [];
  const changes: { phase: string; reason: string }[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void changes.push(...phaseChange(line)) });
  const stateDir = options.folder ?? folder.path;
  const rig = await startRig({
    awaitReady: false,
    perf: null,
    handlers: options.handlers ?? [
      { route: '/embed', allowParallelRequests: true, benchmarkConfig: { dataset: [{ inputs: 'hello' }], runs: 1, concurrency: 1 } },
    ],
    ...(options.secured ? { secured: true } : {}),
    config: { modelServer: { command, args, ...options.modelServer }, modelHealthcheckUrl: '/health', ...options.config },
    env: { PATH: process.env.PATH, MODEL_SERVER_PORT: String(modelPort), MODEL_STATE_DIR: stateDir, ...options.env },
    parts: { log, modelOutput: (line) => void lines.push(line) },
  });
  return {
    rig,
    folder: stateDir,
    modelPort,
    output: () => lines.join('\n'),
    async cameTo(phase) {
      await until(() => changes.some((change) => change.phase === phase));
      return changes.find((change) => change.phase === phase)?.reason ?? '';
    },
    reasons: () => changes.map(({ reason }) => reason),
    async health(isMet) {
      let health: unknown;
      await until(async () => {
        health = await rig.health();
        return isMet(health);
      });
      return health;
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function phaseChange(line: string): { phase: string; reason: string }[] {
  const record = JSON.parse(line);
  return record.msg === 'phase changed' ? [record] : [];
}

const embedded = fileURLToPath(new URL('../../cpu-model-server/src/main.ts', import.meta.url));

/** The embedded model server, as a stranger would start it. */
export const embeddedModelServer =
  (...args: string[]) =>
  (port: number): [string, ...string[]] => [process.execPath, embedded, '--port', String(port), ...args];

/** A program for Node; `PORT` in it stands for the port. */
export const nodeProgram =
  (script: string) =>
  (port: number): [string, ...string[]] => [process.execPath, '--eval', script.replaceAll('PORT', String(port))];

/** Answers everything with 200 on its port, but for what `onRequest` does. */
export const healthyServer = (onRequest = '', before = '') => `
  ${before}
  require('node:http').createServer((request, response) => {
    ${onRequest}
    response.end('{}');
  }).listen(PORT, '127.0.0.1', () => console.log('Ready to serve'));`;
