import { describe, expect, it } from 'vitest';
import { deleteRequestsSchema, receivedDeleteRequestsSchema } from './delete-requests.ts';
import { isReady, routeAnswerSchema, routeRequestSchema } from './route.ts';
import { createSessionSchema, sessionRequestSchema } from './sessions.ts';
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
  });
});

describe('sessions', () => {
  it('live for a minute unless told otherwise', () => {
    expect(createSessionSchema.parse({})).toEqual({ lifetime: 60, on_close_route: null });
  });

  it.each([{ lifetime: null }, { lifetime: '60' }, { lifetime: -1 }, { lifetime: 0 }, { on_close_route: 7 }])(
    'are refused with %j',
    (payload) => {
      expect(createSessionSchema.safeParse(payload).success).toBe(false);
    },
  );

  it('are asked for by id and grant', () => {
    expect(sessionRequestSchema.safeParse({ session_id: '', session_auth: {} }).success).toBe(false);
    expect(sessionRequestSchema.safeParse({ session_id: 'a', session_auth: { url: 'x' } }).success).toBe(true);
  });
});
