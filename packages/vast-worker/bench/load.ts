import { type AnswerReader, Connection } from './connection.ts';
import { type Percentiles, percentiles } from './statistics.ts';

/** The load generator, as a process of its own: runs one job after the other and tells what it saw. Times in milliseconds. */

/** What is posted. */
export interface Letter {
  origin: string;
  path: string;
  /** Joined by the number of the request. */
  parts: string[];
}

export type Job = { letter: Letter } & (
  | { type: 'closed'; connections: number; requests: number }
  /** Sent when due, whatever became of the ones before; latency counts from when it was due. */
  | { type: 'open'; ratePerSecond: number; seconds: number }
  /** Streams begin spread over `spreadMs`. */
  | { type: 'streams'; streams: number; spreadMs: number }
  /** Sends, waits until all have been sent on, and leaves one after the other. */
  | { type: 'aborts'; connections: number; holdMs: number }
);

export interface Outcome {
  requests: number;
  failed: number;
  seconds: number;
  latency: Percentiles;
  /** Only of streams. `delay` is from the model server's write to its arrival here. */
  events?: { count: number; delay: Percentiles; endedEarly: number; firstEvent: Percentiles };
  /** Only of aborts: when each left, by its number. */
  leftAt?: Record<string, number>;
}

export type LoadMessage = { type: 'done'; outcome: Outcome | { error: string } } | { type: 'all-open' };

const now = () => performance.timeOrigin + performance.now();
let number = 0;

function send(client: Connection, { path, parts }: Letter, reader: AnswerReader): void {
  number += 1;
  client.post(path, parts.join(String(number)), reader);
}

const connect = ({ origin }: Letter, count: number) => Array.from({ length: count }, () => new Connection(origin));

/** One request after the other on each connection. */
async function runClosed(letter: Letter, connections: number, requests: number): Promise<Outcome> {
  const clients = connect(letter, connections);
  const latencies: number[] = [];
  let started = 0;
  let failed = 0;
  const startedAt = now();
  await Promise.all(
    clients.map(async (client) => {
      while (started < requests) {
        started += 1;
        const sentAt = now();
        if (await answered(client, letter)) latencies.push(now() - sentAt);
        else failed += 1;
      }
    }),
  );
  const seconds = (now() - startedAt) / 1000;
  close(clients);
  return { requests, failed, seconds, latency: percentiles(latencies) };
}

/** True when a whole 200 came. */
function answered(client: Connection, letter: Letter): Promise<boolean> {
  return new Promise((resolve) => send(client, letter, { onEnd: (status) => resolve(status === 200) }));
}

async function runOpen(letter: Letter, ratePerSecond: number, seconds: number): Promise<Outcome> {
  const idle = connect(letter, 64);
  const all = [...idle];
  const latencies: number[] = [];
  const due: number[] = [];
  const requests = Math.round(ratePerSecond * seconds);
  await Promise.all(all.map((client) => answered(client, letter))); // connecting is not what is measured
  let planned = 0;
  let over = 0;
  let failed = 0;
  const startedAt = now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(pump, 1);

    function pump(): void {
      const time = now();
      while (planned < requests && startedAt + (planned * 1000) / ratePerSecond <= time) {
        due.push(startedAt + (planned * 1000) / ratePerSecond);
        planned += 1;
      }
      while (due.length > 0) {
        const client = idle.pop();
        if (!client) break; // it waits, and its wait counts
        void post(client, due.shift() as number);
      }
    }

    async function post(client: Connection, dueAt: number): Promise<void> {
      if (await answered(client, letter)) latencies.push(now() - dueAt);
      else failed += 1;
      idle.push(client);
      over += 1;
      if (over < requests) return;
      clearInterval(timer);
      resolve();
    }
  });
  close(all);
  return { requests, failed, seconds: (now() - startedAt) / 1000, latency: percentiles(latencies) };
}

async function runStreams(letter: Letter, streams: number, spreadMs: number): Promise<Outcome> {
  const clients = connect(letter, streams);
  const firstEvents: number[] = [];
  const delays: number[] = [];
  const durations: number[] = [];
  let endedEarly = 0;
  let open = 0;
  const startedAt = now();
  await Promise.all(
    clients.map(async (client, index) => {
      await new Promise((resolve) => setTimeout(resolve, (index * spreadMs) / streams));
      const sentAt = now();
      let isFirst = true;
      let isWhole = false;
      let text = '';
      await new Promise<void>((resolve) => {
        send(client, letter, {
          onText(piece) {
            const arrivedAt = now();
            text += piece;
            for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
              const event = text.slice(0, end);
              text = text.slice(end + 2);
              if (event === 'data: [DONE]') {
                isWhole = true;
                return;
              }
              delays.push(arrivedAt - Number(event.slice(12, event.indexOf(',', 12))));
              if (!isFirst) continue;
              isFirst = false;
              firstEvents.push(arrivedAt - sentAt);
              open += 1;
              if (open === streams) process.send?.({ type: 'all-open' } satisfies LoadMessage);
            }
          },
          onEnd(status) {
            if (status !== 200 || !isWhole) endedEarly += 1;
            durations.push(now() - sentAt);
            resolve();
          },
        });
      });
    }),
  );
  const seconds = (now() - startedAt) / 1000;
  close(clients);
  return {
    requests: streams,
    failed: endedEarly,
    seconds,
    latency: percentiles(durations),
    events: { count: delays.length, delay: percentiles(delays), endedEarly, firstEvent: percentiles(firstEvents) },
  };
}

async function runAborts(letter: Letter, connections: number, holdMs: number): Promise<Outcome> {
  const clients = connect(letter, connections);
  const leftAt: Record<string, number> = {};
  const numbers = clients.map((client) => {
    send(client, letter, { onEnd() {} });
    return number;
  });
  const startedAt = now();
  await new Promise((resolve) => setTimeout(resolve, holdMs));
  for (const [index, client] of clients.entries()) {
    leftAt[String(numbers[index])] = now();
    client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { requests: connections, failed: 0, seconds: (now() - startedAt) / 1000, latency: percentiles([]), leftAt };
}

function close(clients: readonly Connection[]): void {
  for (const client of clients) client.destroy();
}

function run(job: Job): Promise<Outcome> {
  switch (job.type) {
    case 'closed':
      return runClosed(job.letter, job.connections, job.requests);
    case 'open':
      return runOpen(job.letter, job.ratePerSecond, job.seconds);
    case 'streams':
      return runStreams(job.letter, job.streams, job.spreadMs);
    case 'aborts':
      return runAborts(job.letter, job.connections, job.holdMs);
  }
}

process.on('message', (job: Job) => {
  run(job).then(
    (outcome) => process.send?.({ type: 'done', outcome } satisfies LoadMessage),
    (error: unknown) => process.send?.({ type: 'done', outcome: { error: String(error) } } satisfies LoadMessage),
  );
});
process.on('disconnect', () => process.exit());
