import { describe, expect, it } from 'vitest';
import { defects } from './defects.ts';
import { officialPython } from './python.ts';
import { startSubject } from './subject.ts';

const python = officialPython();

/** Each defect on both: a test that the official worker passes as well would prove nothing. */
describe.skipIf(python === undefined)('defects of the official worker', () => {
  it.each(defects)('$id $title', async ({ options, isBetter }) => {
    {
      await using official = await startSubject('official', python as string, options);
      expect(await isBetter(official), 'the official worker').toBe(false);
    }
    await using ours = await startSubject('ours', python as string, options);
    expect(await isBetter(ours), 'our worker').toBe(true);
  });
});
