import { createPrivateKey, type KeyObject } from 'node:crypto';
import { signAuth } from '@bluefly/vast-protocol';
import type { ControlPlaneMessage } from './control-plane.ts';
import { keepToUpperHalf } from './core-share.ts';
import type { Job, Letter, LoadMessage, Outcome } from './load.ts';
import type { ModelServerMessage } from './model-server.ts';
import { type Helper, startHelper } from './processes.ts';

/** What stands around every target: model server, control plane, load generator. One target after the other is put between them. */
export interface Stage extends AsyncDisposable {
  /** What it keeps to, so that targets have the others to themselves; undefined: it shares all of them. */
  cores: string | undefined;
  modelServerPort: number;
  modelServerPid: number;
  controlPlaneUrl: string;
  /** Takes spans. */
  collectorUrl: string;
  /** Resolves with the time of the first report that says so, epoch ms. */
  ready(id: number): Promise<number>;
  /** Runs one job, and nothing else meanwhile. `allOpen` is called when all streams of the job are. */
  load(job: Job, allOpen?: () => void): Promise<Outcome>;
  /** When the model server saw held requests given up, by number; waits a while for so many. */
  aborts(count: number): Promise<Record<string, number>>;
  letter(target: { origin: string; isWorker: boolean }, what: string, payloadBytes: number): Letter;
}

export async function setStage(options: { eventIntervalMs: number }): Promise<Stage> {
  const modelServer = startHelper<ModelServerMessage>(new URL('model-server.ts', import.meta.url), {
    EVENT_INTERVAL_MS: String(options.eventIntervalMs),
  });
  const controlPlane = startHelper<ControlPlaneMessage>(new URL('control-plane.ts', import.meta.url));
  const loader = startHelper<LoadMessage>(new URL('load.ts', import.meta.url));
  const [{ port }, { url, collectorUrl, privateKeyPem }] = await Promise.all([modelServer.next('port'), controlPlane.next('listening')]);
  const cores = keepToUpperHalf([modelServer, controlPlane, loader].map(({ pid }) => pid));
  const privateKey = createPrivateKey(privateKeyPem);
  return {
    cores,
    modelServerPort: port,
    modelServerPid: modelServer.pid,
    controlPlaneUrl: url,
    collectorUrl,
    ready: async (id) => (await controlPlane.next('ready', (message) => message.id === id)).at,
    load: (job, allOpen) => runJob(loader, job, allOpen),
    async aborts(count) {
      const told = modelServer.next('aborts');
      modelServer.send({ count });
      return (await told).abortedAt;
    },
    letter: ({ origin, isWorker }, what, payloadBytes) => ({
      origin,
      path: '/test',
      parts: isWorker ? envelopeParts(privateKey, origin, what, payloadBytes) : payloadParts(what, payloadBytes),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all([modelServer, controlPlane, loader].map((helper) => helper[Symbol.asyncDispose]()));
    },
  };
}

async function runJob(loader: Helper<LoadMessage>, job: Job, allOpen?: () => void): Promise<Outcome> {
  if (allOpen) loader.next('all-open').then(allOpen, () => undefined);
  const over = loader.next('done');
  loader.send(job);
  const { outcome } = await over;
  if ('error' in outcome) throw new Error(`the load generator failed: ${outcome.error}`);
  return outcome;
}

/** `"what":"hold-#"` numbers what is held. */
function payloadParts(what: string, bytes: number): string[] {
  const [head, tail] = `{"what":"${what}","workload":1,"text":"`.split('#') as [string, string?];
  const text = `${'The quick brown fox jumps over the lazy dog. '.repeat(bytes / 45 + 1).slice(0, bytes)}"}`;
  return tail === undefined ? [head + text] : [head, tail + text];
}

/** As the router signs it: the same signature for every request to one worker, another number in each. */
function envelopeParts(privateKey: KeyObject, url: string, what: string, payloadBytes: number): string[] {
  const auth = JSON.stringify(signAuth(privateKey, { cost: 1, endpoint: 'test', reqnum: 1, request_idx: 0, url }));
  const [before, after] = auth.split('"request_idx":0') as [string, string];
  const [first, ...rest] = payloadParts(what, payloadBytes) as [string, ...string[]];
  const parts = [`{"auth_data":${before}"request_idx":`, `${after},"payload":${first}`, ...rest];
  return [...parts.slice(0, -1), `${parts.at(-1)}}`];
}
