import { describe, expect, it } from 'vitest';
import { officialPython } from './python.ts';
import { startSubject } from './subject.ts';

const python = officialPython();

describe.skipIf(python === undefined)('both workers', () => {
  it.each(['official', 'ours'] as const)('%s serves a signed request', async (kind) => {
    await using subject = await startSubject(kind, python as string);
    expect((await subject.post('/test', { workload: 5 })).json()).toEqual({
      echo: '{"workload": 5}'.replace(/ /g, kind === 'ours' ? '' : ' '),
    });
    expect(await subject.nextStatus()).toMatchObject({ cur_perf: 5 });
  });
});
