import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultWorkload, maxWorkload, measureWorkload } from './workload.ts';

describe('workload', () => {
  it('takes what the calculator says', () => {
    expect(measureWorkload((data: { input: string[] }) => data.input.length, { input: ['a', 'b'] })).toEqual({
      workload: 2,
      measured: true,
    });
  });

  it('counts 100 without a calculator', () => {
    expect(measureWorkload(undefined, {})).toEqual({ workload: 100, measured: true });
  });

  it.each([
    ['throws', () => (undefined as never as { length: number }).length],
    ['returns NaN', () => Number.NaN],
    ['returns infinity', () => Number.POSITIVE_INFINITY],
    ['returns a negative', () => -1],
    ['returns a text', () => '12' as never as number],
  ])('counts 100 when the calculator %s', (_, calculator) => {
    expect(measureWorkload(calculator, {})).toEqual({ workload: defaultWorkload, measured: false });
  });

  it('cuts what is absurdly large', () => {
    expect(measureWorkload(() => 1e300, {})).toEqual({ workload: maxWorkload, measured: true });
  });

  it('sums exactly, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 100 }), (values) => {
        const workloads = values.map((value) => measureWorkload(() => value, {}).workload);
        const forwards = workloads.reduce((sum, value) => sum + value, 0);
        expect(workloads.reduce((rest, value) => rest - value, forwards)).toBe(0);
      }),
    );
  });
});
