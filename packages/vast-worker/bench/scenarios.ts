import type { Job, Outcome } from './load.ts';
import { usageOf } from './process-usage.ts';
import type { Stage } from './stage.ts';
import { percentiles } from './statistics.ts';
import type { Target, TargetName } from './targets.ts';

/** What is done to a target, and which figures come of it. Units are in the figures' names. */
export interface Scenario {
  name: string;
  /** Read out above its table. */
  title: string;
  /** Targets that make sense in it; default: all but the variants of our worker, which differ in one thing. */
  targets?: readonly TargetName[];
  /** The target is started anew for each round: what it did before would show. */
  isFresh?: boolean;
  /** Default 25. */
  eventIntervalMs?: number;
  /** Before it is measured, so that what is compiled late does not show; default: one measurement. */
  warmUp?(target: Target, stage: Stage, scale: number): Promise<unknown>;
  measure(target: Target, stage: Stage, scale: number): Promise<Figures>;
}

export type Figures = Record<string, number>;

const everyTarget: readonly TargetName[] = ['direct', 'copier', 'nginx', 'floor', 'worker', 'official'];
const peers: readonly TargetName[] = ['floor', 'worker', 'official'];

export const scenarios: readonly Scenario[] = [
  {
    name: 'small',
    title: '1 KB in, 8 KB out, 32 connections, each with one request after the other',
    targets: [...everyTarget, 'worker-without-logs', 'worker-without-metrics', 'worker-with-traces'],
    measure: (target, stage, scale) => closed(target, stage, { what: 'small', bytes: 800, connections: 32, requests: 20_000 * scale }),
  },
  {
    name: 'small-256',
    title: 'the same, 256 connections',
    measure: (target, stage, scale) => closed(target, stage, { what: 'small', bytes: 800, connections: 256, requests: 20_000 * scale }),
  },
  {
    name: 'one',
    title: 'the same, 1 connection',
    measure: (target, stage, scale) => closed(target, stage, { what: 'small', bytes: 800, connections: 1, requests: 5_000 * scale }),
  },
  {
    name: 'open',
    title: 'the same, 1,000 requests a second whatever comes back; latency from when each was due',
    measure: async (target, stage, scale) => {
      const letter = stage.letter(target, 'small', 800);
      return timed(target, stage, { type: 'open', letter, ratePerSecond: 1_000, seconds: 6 * scale });
    },
  },
  {
    name: 'large',
    title: '1 MB in, 1 MB out, 8 connections',
    async measure(target, stage, scale) {
      const bytes = 1024 * 1024;
      await longestHoldMs(target); // what was before does not count
      const alone = await closed(target, stage, { what: 'large', bytes, connections: 1, requests: 100 * scale });
      const held = await longestHoldMs(target);
      const figures = await closed(target, stage, { what: 'large', bytes, connections: 8, requests: 400 * scale });
      return { ...figures, 'alone p50 ms': alone['p50 ms'] as number, 'loop held ms': held };
    },
  },
  streams(100),
  streams(500),
  {
    name: 'aborts',
    title: '500 connections whose clients leave one after the other; from leaving to the model server seeing it',
    measure: async (target, stage, scale) => {
      const job: Job = {
        type: 'aborts',
        letter: stage.letter(target, 'hold-#', 800),
        connections: Math.ceil(500 * scale),
        holdMs: Math.max(500, 1_500 * scale),
      };
      const { leftAt } = await stage.load(job);
      const abortedAt = await stage.aborts(job.connections);
      const delays = Object.entries(leftAt ?? {}).flatMap(([number, at]) =>
        abortedAt[number] === undefined ? [] : [abortedAt[number] - at],
      );
      const { p50, p99, max } = percentiles(delays);
      return { 'never seen': job.connections - delays.length, 'p50 ms': p50, 'p99 ms': p99, 'max ms': max };
    },
  },
  {
    name: 'memory',
    title: 'a fresh process: idle, then 60,000 requests on 32 connections, then open streams',
    targets: peers,
    isFresh: true,
    eventIntervalMs: 1_000,
    measure: memory,
  },
  {
    name: 'million',
    title: 'resident memory after a tenth of a million requests, and after a million',
    targets: ['worker'],
    isFresh: true,
    async measure(target, stage, scale) {
      const letter = stage.letter(target, 'small', 800);
      const tenth = async () => {
        await stage.load({ type: 'closed', letter, connections: 32, requests: Math.ceil(100_000 * scale) });
        return usageOf(target.pid).residentBytes;
      };
      const early = await tenth();
      let late = early;
      for (let count = 1; count < 10; count += 1) late = await tenth(); // one job of them all is more than a slow machine does in time
      return { 'early MB': early / 2 ** 20, 'late MB': late / 2 ** 20, growth: late / early };
    },
  },
];

async function closed(
  target: Target,
  stage: Stage,
  { what, bytes, connections, requests }: { what: string; bytes: number; connections: number; requests: number },
): Promise<Figures> {
  const letter = stage.letter(target, what, bytes);
  const slowdown = target.name === 'official' ? 10 : 1; // it takes minutes otherwise
  return timed(target, stage, { type: 'closed', letter, connections, requests: Math.ceil(requests / slowdown) });
}

async function timed(target: Target, stage: Stage, job: Job): Promise<Figures> {
  const { outcome, cpuMs } = await observed(target, stage, job);
  const { p50, p99 } = outcome.latency;
  return {
    'CPU ms per 1000': (cpuMs * 1000) / outcome.requests,
    'requests/s': outcome.requests / outcome.seconds,
    'p50 ms': p50,
    'p99 ms': p99,
    failed: outcome.failed,
  };
}

async function observed(target: Target, stage: Stage, job: Job): Promise<{ outcome: Outcome; cpuMs: number }> {
  const before = usageOf(target.pid);
  const outcome = await stage.load(job);
  return { outcome, cpuMs: usageOf(target.pid).cpuMs - before.cpuMs };
}

function streams(count: number): Scenario {
  return {
    name: `streams-${count}`,
    title: `${count} event streams, 25 ms between events`,
    warmUp: (target, stage, scale) => openStreams(target, stage, scale, 500),
    async measure(target, stage, scale) {
      const { outcome, cpuMs } = await openStreams(target, stage, scale, count);
      const { count: seen, delay, endedEarly, firstEvent } = outcome.events as NonNullable<Outcome['events']>;
      return {
        'CPU ms per 1000 events': (cpuMs * 1000) / seen,
        'first event p50 ms': firstEvent.p50,
        'first event p99 ms': firstEvent.p99,
        'event p50 ms': delay.p50,
        'event p99 ms': delay.p99,
        'ended early': endedEarly,
      };
    },
  };
}

/** They begin one by one, over the time that one of them takes: all at once would measure a rush. */
async function openStreams(target: Target, stage: Stage, scale: number, count: number): ReturnType<typeof observed> {
  const events = Math.ceil(120 * scale);
  const letter = stage.letter(target, `stream-${events}`, 800);
  return observed(target, stage, { type: 'streams', letter, streams: Math.ceil(count * Math.min(1, scale * 2)), spreadMs: events * 25 });
}

/** How long the event loop was held at most since the last time this was asked, as our worker's own metrics say; NaN for others. */
async function longestHoldMs({ name, origin }: Target): Promise<number> {
  if (name !== 'worker') return Number.NaN;
  const metrics = await (await fetch(`${origin}/metrics`)).text();
  const seconds = Number(/^vast_worker_nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(metrics)?.[1]);
  return seconds * 1000 - 10; // it looks every 10 ms, and counts them
}

async function memory(target: Target, stage: Stage, scale: number): Promise<Figures> {
  const megabyte = 1024 * 1024;
  const idle = usageOf(target.pid).residentBytes;
  const letter = stage.letter(target, 'small', 800);
  const requests = Math.ceil((target.name === 'official' ? 6_000 : 60_000) * scale);
  await stage.load({ type: 'closed', letter, connections: 32, requests });
  const loaded = usageOf(target.pid);

  const count = target.name === 'official' ? 100 : Math.ceil(5_000 * Math.min(1, scale));
  let open = 0;
  const { events } = await stage.load(
    { type: 'streams', letter: stage.letter(target, `stream-${Math.ceil(10 * scale)}`, 800), streams: count, spreadMs: 5_000 * scale },
    () => {
      open = usageOf(target.pid).residentBytes;
    },
  );
  return {
    'idle MB': idle / megabyte,
    'after load MB': loaded.residentBytes / megabyte,
    'peak MB': loaded.peakResidentBytes / megabyte,
    'open streams': count,
    'KB per open stream': (open - loaded.residentBytes) / 1024 / count,
    'ended early': events?.endedEarly ?? count,
  };
}
