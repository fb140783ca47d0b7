import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type Subject, type SubjectOptions, settlesWithin, within } from './subject.ts';

/**
 * The defects of the official worker, each as a question that it answers with no and ours with yes. Numbers are those of
 * the list that this project keeps of them.
 */
export interface Defect {
  id: string;
  title: string;
  options?: SubjectOptions;
  /** True when the subject shows the better behaviour. */
  isBetter: (subject: Subject) => Promise<boolean>;
}

const forged = (subject: Subject) => ({ ...subject.grant(), url: 'http://somebody.else:1' });
const createSession = (subject: Subject, auth: unknown, payload: object = { lifetime: 60 }) =>
  subject.send('/session/create', JSON.stringify({ auth_data: auth, payload, session_id: null }));
const idOf = (text: string) => (JSON.parse(text) as { session_id: string }).session_id;

export const defects: readonly Defect[] = [
  {
    id: 'D-01',
    title: 'a session needs a signature that verifies',
    isBetter: async (subject) => (await createSession(subject, forged(subject))).status === 401,
  },
  {
    id: 'D-02',
    title: 'a session cannot make the worker call another host',
    isBetter: async (subject) =>
      (await createSession(subject, subject.grant(), { lifetime: 60, on_close_route: 'http://127.0.0.1:1/', on_close_payload: {} }))
        .status === 422,
  },
  {
    id: 'D-03',
    title: 'without a master token the update route is closed',
    options: { env: { MASTER_TOKEN: '' } },
    isBetter: async (subject) => {
      const { status } = await subject.send('/pyworker/update', '');
      rmSync('/.force_update', { force: true }); // what the official worker leaves behind
      return status === 401;
    },
  },
  {
    id: 'D-04',
    title: 'a grant for another worker is refused (URL_CHECK=enforce)',
    options: { env: { URL_CHECK: 'enforce' } },
    isBetter: async (subject) => {
      const envelope = JSON.stringify({ auth_data: subject.grant({ url: 'http://198.51.100.7:4000' }), payload: {} });
      return (await subject.send('/test', envelope)).status === 401;
    },
  },
  {
    id: 'D-05',
    title: 'strangers do not learn which sessions exist',
    isBetter: async (subject) => {
      const envelope = JSON.stringify({ auth_data: forged(subject), payload: {}, session_id: 'unknown' });
      return (await subject.send('/test', envelope)).status === 401;
    },
  },
  {
    id: 'D-07',
    title: 'the public key is fetched from the second address when the first is dead',
    options: { awaitReady: false, deadAddressFirst: true },
    isBetter: async (subject) => {
      const { statuses } = subject.controlPlane;
      await within(
        60_000,
        subject.controlPlane.until(() => statuses.some(({ loadtime, error_msg }) => loadtime > 0 || error_msg !== '')),
      );
      return statuses.every(({ error_msg }) => error_msg === '');
    },
  },
  {
    id: 'D-08',
    title: 'requests of strangers are in no figure that is reported',
    isBetter: async (subject) => {
      await subject.send('/test', JSON.stringify({ auth_data: forged(subject), payload: { workload: 500 } }));
      await subject.post('/test', { workload: 1 });
      return (await subject.nextStatus()).rej_load === 0;
    },
  },
  {
    id: 'D-09',
    title: 'a body without end is refused, and so is one that is small only while compressed',
    isBetter: async (subject) => {
      const large = await subject.send('/test', Buffer.alloc(40_000_000, ' ')).catch(() => undefined);
      const bomb = await subject
        .send('/test', gzipSync(Buffer.alloc(80_000_000, ' ')), { headers: { 'content-encoding': 'gzip' } })
        .catch(() => undefined);
      return large?.status === 413 && bomb?.status === 413;
    },
  },
  {
    id: 'D-10',
    title: 'the internal port is open to this machine only',
    isBetter: async (subject) => {
      const ports = listeningAddresses(subject.process.pid as number);
      return ports.filter(({ port }) => port !== subject.port).every(({ isLoopback }) => isLoopback);
    },
  },
  {
    id: 'D-11',
    title: 'payloads and signatures are not logged',
    isBetter: async (subject) => {
      const grant = subject.grant();
      await subject.send('/test', JSON.stringify({ auth_data: grant, payload: { text: 'private-words' } }));
      return !subject.output.includes('private-words') && !subject.output.includes(String(grant.signature).slice(0, 40));
    },
  },
  {
    id: 'D-12',
    title: 'session ids are 128 random bits',
    isBetter: async (subject) => /^[0-9a-f]{32}$/.test(idOf((await createSession(subject, subject.grant())).text)),
  },
  {
    id: 'D-13',
    title: 'the health of sessions is told to who holds a grant',
    isBetter: async (subject) =>
      (await subject.send('/session/health', JSON.stringify({ session_id: 'unknown', session_auth: {} }))).status !== 200,
  },
  {
    id: 'D-16',
    title: "the model server's cookies and server name stay behind the worker",
    isBetter: async (subject) => {
      subject.model.answer = ({ response }) =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': 2, 'set-cookie': 'a=b', 'x-internal': 'yes' })
          .end('{}');
      const { headers } = await subject.post('/test', {});
      return headers['set-cookie'] === undefined && headers['x-internal'] === undefined;
    },
  },
  {
    id: 'D-17',
    title: 'a request whose headers do not come to an end is ended',
    isBetter: async (subject) => {
      const socket = connect(subject.port, '127.0.0.1')
        .on('error', () => undefined)
        .resume();
      socket.write('POST /test HTTP/1.1\r\nhost: a\r\nx: ');
      const isEnded = await settlesWithin(25_000, once(socket, 'close'));
      socket.destroy();
      return isEnded;
    },
  },
  {
    id: 'D-20',
    title: 'load that arrives while a report is in flight is reported',
    isBetter: async (subject) => {
      const gate = Promise.withResolvers<void>();
      const first = Promise.withResolvers<void>();
      subject.controlPlane.beforeAnswer = (kind) => {
        if (kind !== 'status') return undefined;
        first.resolve();
        return gate.promise;
      };
      await subject.post('/test', { workload: 400 });
      await within(15_000, first.promise);
      for (let n = 0; n < 3; n += 1) await subject.post('/test', { workload: 400 });
      subject.controlPlane.beforeAnswer = () => undefined;
      gate.resolve();
      await within(
        15_000,
        subject.controlPlane.until(() => subject.controlPlane.statuses.length >= 1),
      );
      await subject.post('/test', { workload: 1 });
      await subject.controlPlane.until(() => subject.controlPlane.statuses.length >= 2);
      return subject.controlPlane.sumOf('new_load') >= 1600;
    },
  },
  {
    id: 'D-21',
    title: 'the benchmark reads streams to their end: two seconds are not measured as none',
    options: {
      awaitReady: false,
      model: (model) => {
        model.answer = ({ response }) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
          setTimeout(() => response.end(), 2_000);
        };
      },
    },
    isBetter: async (subject) => {
      await within(
        60_000,
        subject.controlPlane.status(({ max_perf }) => max_perf > 0),
      );
      return (subject.controlPlane.statuses.at(-1)?.max_perf ?? 0) <= 50; // a workload of 100 in two seconds
    },
  },
  {
    id: 'D-22',
    title: 'compressed answers arrive intact',
    isBetter: async (subject) => {
      const compressed = gzipSync(JSON.stringify({ text: 'a'.repeat(1000) }));
      subject.model.answer = ({ response }) =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip', 'content-length': compressed.length })
          .end(compressed);
      const reply = await subject.post('/test', {}).catch(() => undefined);
      return reply?.body.equals(compressed) ?? false;
    },
  },
  {
    id: 'D-23',
    title: 'requests that share a reqnum are counted apart',
    isBetter: async (subject) => {
      subject.model.hold();
      const grant = subject.grant({ reqnum: 7 });
      const both = [10, 20].map((workload) => subject.send('/test', JSON.stringify({ auth_data: grant, payload: { workload } })));
      await subject.model.received(2);
      subject.model.release(1);
      await Promise.race(both);
      const { cur_load } = await subject.nextStatus();
      subject.model.release();
      await Promise.all(both);
      return cur_load === 10 || cur_load === 20;
    },
  },
  {
    id: 'D-24',
    title: 'a failing model server is not counted as served',
    isBetter: async (subject) => {
      subject.model.answer = ({ response }) => response.writeHead(500).end('{}');
      await subject.post('/test', { workload: 9 });
      return (await subject.nextStatus()).cur_perf === 0;
    },
  },
  {
    id: 'D-25',
    title: 'a load line that comes in two writes is seen',
    options: { awaitReady: false, loaded: false },
    isBetter: async (subject) => {
      await subject.log('the model is lo');
      await sleep(1_500); // the file is looked at once a second at most, and ten times a second when it is open
      await subject.log('aded\n');
      return settlesWithin(
        15_000,
        subject.controlPlane.status(({ loadtime }) => loadtime > 0),
      );
    },
  },
  {
    id: 'D-26',
    title: 'an error line in its log does not condemn a worker that serves',
    isBetter: async (subject) => {
      await subject.log('RuntimeError: a client sent something strange\n');
      await sleep(1_000);
      await subject.post('/test', {});
      return (await subject.nextStatus()).error_msg === '';
    },
  },
  {
    id: 'D-27',
    title: 'a second load line changes nothing',
    isBetter: async (subject) => {
      await subject.post('/test', {});
      const { loadtime } = await subject.nextStatus();
      await subject.log('the model is loaded\n');
      await sleep(2_000);
      await subject.post('/test', {});
      return (await subject.nextStatus()).loadtime === loadtime;
    },
  },
  {
    id: 'D-28',
    title: 'a benchmark without a success is a failure, and not a load',
    options: {
      awaitReady: false,
      model: (model) => {
        model.answer = ({ response }) => response.writeHead(500).end('{}');
      },
    },
    isBetter: async (subject) => {
      await within(
        30_000,
        subject.controlPlane.status(({ error_msg }) => error_msg !== ''),
      );
      await subject.post('/test', {}).catch(() => undefined);
      await subject.nextStatus();
      return subject.controlPlane.statuses.every(({ loadtime }) => loadtime === 0);
    },
  },
  {
    id: 'D-29',
    title: 'a figure that was measured on something else is not taken over',
    options: {
      prepare: async (folder) => {
        await writeFile(join(folder, '.has_benchmark'), '12345.0');
        await writeFile(join(folder, 'perf.json'), JSON.stringify({ fingerprint: 'of another model', perf: 12345, concurrency: 1 }));
      },
    },
    isBetter: async (subject) => {
      await subject.post('/test', {});
      return (await subject.nextStatus()).max_perf !== 12345;
    },
  },
  {
    id: 'D-30',
    title: 'a worker that is not ready takes no request',
    options: { awaitReady: false, loaded: false },
    isBetter: async (subject) => {
      await subject.controlPlane.status(() => true); // it listens by now
      await within(
        15_000,
        subject.controlPlane.until(() => subject.controlPlane.keyRequests > 0),
      );
      let reply = await subject.post('/test', {});
      while (reply.status === 401 || reply.text.includes('PUBLIC_KEY_MISSING')) reply = await subject.post('/test', {});
      return reply.status === 503;
    },
  },
  {
    id: 'D-31',
    title: 'a request that waits too long in the queue is sent away',
    options: { env: { SUBJECT_MAX_QUEUE_TIME: '1' } },
    isBetter: async (subject) => {
      subject.model.hold();
      const running = subject.post('/serial', { workload: 0 });
      await subject.model.received(1);
      const waiting = subject.post('/serial', { workload: 0 });
      const isAnswered = await settlesWithin(4_000, waiting);
      subject.model.release();
      await Promise.all([running, waiting]);
      return isAnswered && (await waiting).status === 429;
    },
  },
  {
    id: 'D-32',
    title: 'serial routes can have lanes of their own',
    isBetter: async (subject) => {
      subject.model.hold();
      const both = [subject.post('/serial', {}), subject.post('/serial-too', {})];
      const areTwo = await settlesWithin(3_000, subject.model.received(2));
      subject.model.release();
      await Promise.all(both);
      return areTwo;
    },
  },
  {
    id: 'D-33',
    title: 'load that was cancelled is gone from the report within two seconds',
    isBetter: async (subject) => {
      subject.model.hold();
      const leaving = subject.open('/test', JSON.stringify({ auth_data: subject.grant(), payload: { workload: 30 } }));
      await subject.controlPlane.status(({ cur_load }) => cur_load === 30);
      subject.controlPlane.statuses.length = 0;
      leaving.leave();
      return settlesWithin(
        3_000,
        subject.controlPlane.status(({ cur_load }) => cur_load === 0),
      );
    },
  },
  {
    id: 'D-34',
    title: 'a dead address is paid for once, and not with every report',
    options: { awaitReady: false, deadAddressFirst: true },
    isBetter: async (subject) => {
      const { statuses } = subject.controlPlane;
      await within(
        30_000,
        subject.controlPlane.until(() => statuses.length >= 2),
      );
      const seen = statuses.length;
      await subject.post('/test', { workload: 1 });
      return settlesWithin(
        4_000,
        subject.controlPlane.until(() => statuses.length > seen),
      ); // the official worker: six seconds a report
    },
  },
  {
    id: 'D-35',
    title: 'a worker that cannot start says so and ends, so that it is started anew',
    options: { awaitReady: false, portTaken: true },
    isBetter: async (subject) => {
      const ended = subject.process.exitCode === null ? settlesWithin(15_000, once(subject.process, 'close')) : Promise.resolve(true);
      await within(
        30_000,
        subject.controlPlane.status(({ error_msg }) => error_msg.startsWith('Worker Server failed to launch')),
      );
      return ended;
    },
  },
  {
    id: 'D-36',
    title: 'a configuration that is wrong is reported before the process ends',
    options: { awaitReady: false, env: { PUBLIC_IPADDR: undefined } },
    isBetter: async (subject) => {
      if (subject.process.exitCode === null) await once(subject.process, 'close');
      return subject.controlPlane.statuses.some(({ error_msg }) => error_msg.includes('PUBLIC_IPADDR'));
    },
  },
  {
    id: 'D-38',
    title: 'a session with a cost that is no number is refused, and leaves nothing',
    isBetter: async (subject) => (await createSession(subject, { ...subject.grant(), cost: 'x' })).status === 422,
  },
  {
    id: 'D-39',
    title: 'many requests at once extend a session once',
    isBetter: async (subject) => {
      const auth = subject.grant();
      const session_id = idOf((await createSession(subject, auth, { lifetime: 100 })).text);
      for (let n = 0; n < 5; n += 1) await subject.send('/test', JSON.stringify({ auth_data: auth, payload: {}, session_id }));
      const { expiration } = (await subject.send('/session/get', JSON.stringify({ session_id, session_auth: auth }))).json() as {
        expiration: number;
      };
      return expiration - Date.now() / 1000 < 150;
    },
  },
  {
    id: 'D-42',
    title: 'auth_data of null is a 422 with the field named',
    isBetter: async (subject) => (await subject.send('/test', JSON.stringify({ auth_data: null, payload: {} }))).status === 422,
  },
  {
    id: 'D-50',
    title: 'connections to the model server are used again',
    isBetter: async (subject) => {
      await subject.post('/test', {});
      return subject.model.requests.at(-1)?.headers.connection !== 'close';
    },
  },
  {
    id: 'D-51',
    title: 'an answer is not held in memory for a client that does not read it',
    isBetter: async (subject) => {
      const sent = Promise.withResolvers<void>();
      const answer = Buffer.alloc(200_000_000, ' ');
      subject.model.answer = ({ response }) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
        response.end(answer, () => sent.resolve());
      };
      const slow = connect(subject.port, '127.0.0.1')
        .on('error', () => undefined)
        .pause();
      const body = JSON.stringify({ auth_data: subject.grant(), payload: {} });
      slow.write(`POST /test HTTP/1.1\r\nhost: a\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      const isHeld = await settlesWithin(5_000, sent.promise);
      slow.destroy();
      return !isHeld;
    },
  },
  {
    id: 'D-52',
    title: 'a model server that never answers is not waited for without end (here: a second)',
    options: { env: { SUBJECT_PATIENCE: '1' } },
    isBetter: async (subject) => {
      subject.model.hold();
      const waiting = subject.post('/test', {});
      const isAnswered = await settlesWithin(8_000, waiting);
      subject.model.release();
      return isAnswered && (await waiting).status === 504;
    },
  },
  {
    id: 'D-53',
    title: 'a parallel route can have a limit (here: two)',
    options: { env: { SUBJECT_CONCURRENCY: '2' } },
    isBetter: async (subject) => {
      subject.model.hold();
      const three = [1, 2, 3].map(() => subject.post('/test', { workload: 0 }));
      const areThree = await settlesWithin(3_000, subject.model.received(3));
      subject.model.release();
      await Promise.all(three);
      return !areThree;
    },
  },
  {
    id: 'D-54',
    title: 'SIGTERM lets open requests finish',
    isBetter: async (subject) => {
      subject.model.hold();
      const open = subject.post('/test', {});
      await subject.model.received(1);
      subject.process.kill('SIGTERM');
      await sleep(500);
      subject.model.release();
      return open.then(({ status }) => status === 200).catch(() => false);
    },
  },
  {
    id: 'D-55',
    title: 'there is a health route and there are metrics',
    isBetter: async (subject) => {
      const [health, metrics] = [
        await subject.send('/health', '', { method: 'GET' }),
        await subject.send('/metrics', '', { method: 'GET' }),
      ];
      return health.status === 200 && metrics.text.includes('vast_worker_');
    },
  },
  {
    id: 'D-57',
    title: 'answers name the request and the worker',
    isBetter: async (subject) => {
      const { headers } = await subject.post('/test', {});
      return headers['x-request-id'] !== undefined && headers['x-worker-id'] === '4242';
    },
  },
  {
    id: 'D-58',
    title: 'without a health URL a worker is ready when its model server is, not ten seconds later',
    options: { awaitReady: false, env: { SUBJECT_NO_HEALTH: '1' } },
    isBetter: async (subject) =>
      settlesWithin(
        8_000,
        subject.controlPlane.status(({ loadtime }) => loadtime > 0),
      ),
  },
];

/** Defects of the worker that no test here decides, and why. */
export const untested: readonly { id: string; reason: string }[] = [
  { id: 'D-14', reason: 'start scripts and images: no worker process is involved' },
  { id: 'D-15', reason: 'remote functions: our worker has no object type and no such decoder' },
  { id: 'D-37', reason: 'lifecycle mode: ours has one way to ready' },
  { id: 'D-40', reason: 'memory growth over days; the counter and the disk figure are tested in our own suite' },
  { id: 'D-41', reason: 'settings without effect: ours has one strict schema' },
  {
    id: 'D-56',
    reason: 'declined: GET, uploads, binary bodies and WebSocket on handlers. Built: another path at the model server (`upstreamPath`)',
  },
  { id: 'D-59', reason: 'Python packaging' },
  { id: 'D-60', reason: 'TLS reload: tested in our own suite' },
];

/** Addresses that a process listens on, from /proc. */
function listeningAddresses(pid: number): { port: number; isLoopback: boolean }[] {
  const inodes = new Set(listeningSockets(pid));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && inodes.has(fields[9] ?? ''))
      .map((fields) => {
        const [address = '', port = ''] = (fields[1] ?? '').split(':');
        return { port: Number.parseInt(port, 16), isLoopback: address.endsWith('7F') || address === '0100007F' };
      }),
  );
}

function listeningSockets(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}
