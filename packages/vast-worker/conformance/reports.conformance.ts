import { workerStatusSchema } from '@bluefly/vast-protocol';
import { describe, expect, it } from 'vitest';
import { differences } from './differences.ts';
import { officialPython } from './python.ts';
import { type Subject, startSubject, within } from './subject.ts';

const python = officialPython();

/** One request of each kind of ending, one after the other; each under a request_idx of its own. */
async function sendTraffic(subject: Subject): Promise<void> {
  const send = (requestIdx: number, workload: number, change: object = {}) =>
    JSON.stringify({ auth_data: { ...subject.grant({ request_idx: requestIdx }), ...change }, payload: { workload } });
  const answerWith = (status: number) => {
    subject.model.answer = ({ response }) => response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  };
  answerWith(200);
  await subject.send('/test', send(101, 5));
  answerWith(500);
  await subject.send('/test', send(102, 30));
  answerWith(404);
  await subject.send('/test', send(103, 2));
  subject.model.answer = ({ response }) => response.destroy();
  await subject.send('/test', send(104, 70)).catch(() => undefined);
  await subject.send('/test', send(105, 1000, { url: 'http://somebody.else:1' }));
  subject.model.forget();
  subject.model.hold();
  const leaving = subject.open('/test', send(106, 11));
  await subject.model.received(1);
  leaving.leave();
  await subject.model.aborted(1);
  subject.model.release();
  answerWith(200);
  await subject.send('/test', send(107, 1));
  await within(
    30_000,
    subject.controlPlane.until(() => subject.controlPlane.deletedRequests.some(({ request_idx }) => request_idx === 107)),
  );
  await within(
    30_000,
    subject.controlPlane.status(({ cur_load, working_request_idxs }) => cur_load === 0 && working_request_idxs.length === 0),
  );
  await within(
    30_000,
    subject.controlPlane.until(
      () => (subject.controlPlane.statuses.at(-1)?.cur_load ?? 1) === 0 && subject.controlPlane.sumOf('cur_perf') >= 8,
    ),
  );
}

const cases: Record<number, string> = {
  101: 'served',
  102: 'model server answers 500',
  103: 'model server answers 404',
  104: 'model server is lost',
  105: 'signature does not verify',
  106: 'client leaves',
  107: 'served again',
};

/** What the control plane was told in all, in comparable form: figures as they are, measurements by their kind. */
function told({ controlPlane, url }: Subject, before: number): Record<string, unknown> {
  const last = controlPlane.statuses.at(-1);
  if (!last) throw new Error('nothing was reported');
  const kindOf = (value: unknown) => (Array.isArray(value) ? 'list' : typeof value);
  const fields = Object.fromEntries(Object.entries(last).map(([name, value]) => [name, kindOf(value)]));
  const deletions = Object.fromEntries(
    Object.entries(cases).map(([idx, what]) => {
      const found = controlPlane.deletedRequests.filter(({ request_idx }) => request_idx === Number(idx));
      const forms = found.map(({ status, success, entered_queue_at, work_started_at, work_completed_at }) => ({
        status,
        success,
        reached: [entered_queue_at, work_started_at, work_completed_at].map((time) => time > 0),
      }));
      return [`deletions: ${what}`, forms];
    }),
  );
  return {
    ...fields,
    names: Object.keys(last),
    version: last.version,
    mtoken: last.mtoken,
    id: last.id,
    url: last.url === url,
    error_msg: last.error_msg,
    loadtime: last.loadtime > 0,
    new_load: controlPlane.sumOf('new_load'),
    cur_perf: controlPlane.sumOf('cur_perf'),
    rej_load: controlPlane.sumOf('rej_load'),
    cur_load: last.cur_load,
    num_requests_recieved: last.num_requests_recieved - before,
    ...deletions,
    'headers: authorization': controlPlane.headers.some((headers) => headers.authorization !== undefined),
  };
}

describe.skipIf(python === undefined)('reports of both workers for the same traffic', () => {
  it('are the same field by field, but for the differences that are listed with their reasons', async () => {
    const reports: Record<string, Record<string, unknown>> = {};
    let schemaProblems: unknown[] = [];
    for (const kind of ['official', 'ours'] as const) {
      await using subject = await startSubject(kind, python as string);
      const before = subject.requestsBefore;
      await sendTraffic(subject);
      reports[kind] = told(subject, before);
      schemaProblems = subject.controlPlane.statuses.flatMap((status) => workerStatusSchema.safeParse(status).error ?? []);
    }
    expect(schemaProblems).toEqual([]); // of ours, which came last
    const { official = {}, ours = {} } = reports;
    const differing = [...new Set([...Object.keys(official), ...Object.keys(ours)])].filter(
      (field) => JSON.stringify(official[field]) !== JSON.stringify(ours[field]),
    );
    expect(differing.sort()).toEqual(differences.map(({ field }) => field).sort());
  });
});
