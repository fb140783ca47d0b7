import { describe, expect, it } from 'vitest';
import { startRig, testHandler } from '../src/testing/index.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('a trace of the caller', () => {
  it('goes on to the model server, when relayed and when called', async () => {
    await using rig = await startRig({
      handlers: [
        testHandler,
        { ...testHandler, route: '/own', respond: ({ payload, callModel }) => callModel('/part', { json: payload }) },
      ],
    });
    for (const path of ['/test', '/own']) {
      await rig.send(path, rig.envelope({}), { headers: { traceparent, tracestate: 'vendor=1' } });
      expect(rig.model.requests.at(-1)?.headers).toMatchObject({ traceparent, tracestate: 'vendor=1' });
    }
  });

  it.each([
    ['not there', {}],
    ['not well formed', { traceparent: `${traceparent}0` }],
    ['of the forbidden version', { traceparent: traceparent.replace('00-', 'ff-') }],
    ['without an id', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }],
    ['only a state', { tracestate: 'vendor=1' }],
  ])('does not when it is %s', async (_what, headers) => {
    await using rig = await startRig();
    await rig.send('/test', rig.envelope({}), { headers: headers as Record<string, string> });
    expect(rig.model.requests[0]?.headers).not.toHaveProperty('traceparent');
    expect(rig.model.requests[0]?.headers).not.toHaveProperty('tracestate');
  });

  it('goes on without a state that is too long', async () => {
    await using rig = await startRig();
    await rig.send('/test', rig.envelope({}), { headers: { traceparent, tracestate: `a=${'x'.repeat(600)}` } });
    expect(rig.model.requests[0]?.headers).toMatchObject({ traceparent });
    expect(rig.model.requests[0]?.headers).not.toHaveProperty('tracestate');
  });
});
