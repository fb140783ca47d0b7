import { describe, expect, it } from 'vitest';
import { deleteRequestsSchema, finishedRequestSchema, receivedDeleteRequestsSchema } from './delete-requests.ts';
import { isReady, routeAnswerSchema, routeRequestSchema } from './route.ts';
import {
  createdSessionSchema,
  createSessionSchema,
  endedSessionSchema,
  sessionDetailsSchema,
  sessionHealthSchema,
  sessionRequestSchema,
} from './sessions.ts';
import { protocolVersion, receivedStatusSchema, workerStatusSchema } from './worker-status.ts';

const status = {
  id: 4242,
  mtoken: 'mtok-0123456789abcdef',
  version: '1.1.0',
  loadtime: 3.6042,
  cur_load: 0,
  rej_load: 500,
  new_load: 1400,
  error_msg: '',
  max_perf: 2810.97,
  cur_perf: 1300,
  cur_capacity: 0,
  max_capacity: 0,
  num_requests_working: 0,
  num_requests_recieved: 18,
  additional_disk_usage: 2.288818359375e-5,
  working_request_idxs: [],
  url: 'http://203.0.113.10:41023',
};

describe('worker status', () => {
  it('has the 17 fields of the wire in its order and spelling', () => {
    expect(Object.keys(workerStatusSchema.shape)).toEqual(Object.keys(status));
    expect(JSON.stringify(workerStatusSchema.parse(status))).toBe(JSON.stringify(status));
    expect(protocolVersion).toBe('1.1.0');
  });

  it('is strict about what we send and tolerant of what a control plane receives', () => {
    expect(workerStatusSchema.safeParse({ ...status, extra: 1 }).success).toBe(false);
    expect(receivedStatusSchema.parse({ id: 0, mtoken: '', version: '0', error_msg: 'Failed', url: '' })).toMatchObject({ id: 0 });
    expect(receivedStatusSchema.parse({ ...status, extra: 1 })).toMatchObject({ extra: 1 });
    const since2024 = ['mtoken', 'version', 'rej_load', 'new_load', 'working_request_idxs'];
    const formOf2024 = Object.fromEntries(Object.entries(status).filter(([name]) => !since2024.includes(name)));
    expect(receivedStatusSchema.safeParse(formOf2024).success).toBe(true);
    expect(receivedStatusSchema.safeParse({ ...status, cur_load: 'much' }).success).toBe(false);
  });

  it.each(Object.keys(status))('cannot be sent without %s', (name) => {
    expect(workerStatusSchema.safeParse({ ...status, [name]: undefined }).success).toBe(false);
    expect(workerStatusSchema.safeParse(status).success).toBe(true); // the control
  });

  it('is this on the wire', () => {
    expect(JSON.stringify(workerStatusSchema.parse(status))).toMatchInlineSnapshot(
      `"{"id":4242,"mtoken":"mtok-0123456789abcdef","version":"1.1.0","loadtime":3.6042,"cur_load":0,"rej_load":500,"new_load":1400,"error_msg":"","max_perf":2810.97,"cur_perf":1300,"cur_capacity":0,"max_capacity":0,"num_requests_working":0,"num_requests_recieved":18,"additional_disk_usage":0.00002288818359375,"working_request_idxs":[],"url":"http://203.0.113.10:41023"}"`,
    );
  });
});

describe('delete requests', () => {
  const finished = {
    request_idx: 678,
    success: true,
    status: 'Success',
    entered_queue_at: 1.5,
    work_started_at: 2.5,
    work_completed_at: 3.5,
  };

  it('has the newest form', () => {
    const body = { worker_id: 4242, mtoken: 'm', requests: [finished] };
    expect(JSON.stringify(deleteRequestsSchema.parse(body))).toBe(JSON.stringify(body));
    expect(deleteRequestsSchema.safeParse({ ...body, requests: [{ ...finished, status: 'Gone' }] }).success).toBe(false);
  });

  it('is this on the wire', () => {
    expect(JSON.stringify(deleteRequestsSchema.parse({ worker_id: 4242, mtoken: 'm', requests: [finished] }))).toMatchInlineSnapshot(
      `"{"worker_id":4242,"mtoken":"m","requests":[{"request_idx":678,"success":true,"status":"Success","entered_queue_at":1.5,"work_started_at":2.5,"work_completed_at":3.5}]}"`,
    );
  });

  it.each([
    ['Success', true],
    ['Error', false],
    ['Cancelled', true],
    ['Rejected', false],
  ])('knows the end %s', (status, success) => {
    expect(finishedRequestSchema.safeParse({ ...finished, status, success, work_completed_at: 0 }).success).toBe(true);
  });

  it('is received with more than we know', () => {
    const later = { worker_id: 1, mtoken: 'm', extra: 1, requests: [{ ...finished, attempts: 2 }] };
    expect(receivedDeleteRequestsSchema.parse(later)).toEqual(later);
    expect(deleteRequestsSchema.safeParse(later).success).toBe(false);
    expect(receivedDeleteRequestsSchema.safeParse({ worker_id: 1, mtoken: 'm' }).success).toBe(false);
  });

  it('is received in the older form as well', () => {
    expect(receivedDeleteRequestsSchema.parse({ worker_id: 1, mtoken: 'm', request_idxs: [1, 2], success: true })).toMatchObject({
      request_idxs: [1, 2],
    });
  });
});

describe('route', () => {
  it('fills in what a client may leave out', () => {
    expect(routeRequestSchema.parse({ endpoint: 'e', api_key: 'k' })).toEqual({
      endpoint: 'e',
      api_key: 'k',
      cost: 100,
      request_idx: 0,
      replay_timeout: 60,
    });
  });

  it('tells a grant from a place in the queue by the url', () => {
    const ready = { endpoint: 'e', url: 'http://a:1', cost: 1, reqnum: 1, request_idx: 2, signature: 's', __request_id: 'x' };
    expect(isReady(routeAnswerSchema.parse(ready))).toBe(true);
    expect(isReady(routeAnswerSchema.parse({ endpoint: 'e', status: 'loading: 1', request_idx: 2 }))).toBe(false);
    expect(isReady(routeAnswerSchema.parse({ endpoint: 'e', status: 'loading: 1' }))).toBe(false); // as documented
  });

  it('takes a grant that lacks its signature for neither', () => {
    expect(routeAnswerSchema.safeParse({ endpoint: 'e', url: 'http://a:1', request_idx: 2 }).success).toBe(false);
    expect(routeAnswerSchema.safeParse({ error: 'unknown endpoint', url: null }).success).toBe(false);
  });
});

describe('sessions', () => {
  it('live for a minute unless told otherwise', () => {
    expect(createSessionSchema.parse({})).toEqual({ lifetime: 60, on_close_route: null });
  });

  it.each([
    { lifetime: null },
    { lifetime: '60' },
    { lifetime: -1 },
    { lifetime: 0 },
    { lifetime: Number.POSITIVE_INFINITY },
    { on_close_route: 7 },
  ])('are refused with %j', (payload) => {
    expect(createSessionSchema.safeParse(payload).success).toBe(false);
  });

  it('are asked for by id and grant', () => {
    expect(sessionRequestSchema.safeParse({ session_id: '', session_auth: {} }).success).toBe(false);
    expect(sessionRequestSchema.safeParse({ session_id: 'a', session_auth: null }).success).toBe(false);
    expect(sessionRequestSchema.safeParse({ session_id: 'a', session_auth: { url: 'x' } }).success).toBe(true);
  });

  it('answer in these forms', () => {
    const details = {
      session_id: 'a',
      auth_data: {},
      lifetime: 60,
      expiration: 2,
      created_at: 1,
      on_close_route: null,
      on_close_payload: null,
    };
    expect(createdSessionSchema.parse({ session_id: 'a', expiration: 1.5 })).toEqual({ session_id: 'a', expiration: 1.5 });
    expect(sessionDetailsSchema.parse(details)).toEqual(details);
    expect(sessionHealthSchema.parse({ ok: false })).toEqual({ ok: false });
    expect(endedSessionSchema.parse({ ended: true, removed_session: 'a' })).toEqual({ ended: true, removed_session: 'a' });
  });
});
