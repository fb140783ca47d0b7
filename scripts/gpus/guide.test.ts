import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readVastJson } from '../vast/files.ts';
import { gpuGuide, memoryOf, PriceFile, readPrices, savingOf } from './guide.ts';

const prices = readPrices();

describe('docs/gpus.md', () => {
  it('is current: npm run gpu-guide', () => {
    expect(readFileSync(new URL('../../docs/gpus.md', import.meta.url), 'utf8')).toBe(gpuGuide(prices));
  });

  it('knows the models that the services are deployed with, and memory that their offers have', () => {
    for (const service of ['agent-brain', 'rfp-automation', 'compliance-engine']) {
      const { template, workergroup } = readVastJson(service);
      const model = prices.models.find((one) => one.service === service && one.model === template.env.MODEL_ID);
      expect([service, model && memoryOf(model) <= workergroup.gpu_ram]).toEqual([service, true]);
    }
  });
});

describe('savings', () => {
  it('are the least and the most that the two ranges allow', () => {
    expect(savingOf([1, 1], [4, 4])).toEqual({ least: 75, most: 75 });
    expect(savingOf([1, 2], [4, 5])).toEqual({ least: 50, most: 80 });
    expect(savingOf([5, 5], [4, 4])).toEqual({ least: -25, most: -25 });
  });
});

describe('the verdict', () => {
  const [row] = prices.clouds;
  const guideOf = (dollarsPerHour: [number, number]) =>
    gpuGuide(
      PriceFile.parse({ ...prices, clouds: [{ ...row, cloud: 'Cloud', gpu: 'A100 80GB', comparedWith: 'A100 80GB', dollarsPerHour }] }),
    );
  it('follows from the figures: rows that hold, and each one that does not', () => {
    expect(guideOf([5, 5])).toContain('in 1 of 1 rows');
    expect(guideOf([5, 5])).not.toContain('- Cloud, ');
    expect(guideOf([1.5, 5])).toMatch(/in 0 of 1 rows, and at best in 1 more[^]*- Cloud, A100 80GB: \d+ to \d+ %/);
    expect(guideOf([1, 1])).toMatch(/in 0 of 1 rows;[^]*- Cloud, A100 80GB: -/);
  });
});

describe('a price file', () => {
  it.each([
    ['without the source of a price', { vast: [{ ...prices.vast[0], source: 'hearsay' }] }, 'no source hearsay'],
    [
      'that compares with what has no price',
      { clouds: [{ ...prices.clouds[0], comparedWith: 'GTX 970' }] },
      'no price of Vast for GTX 970',
    ],
    ['with a remark of nowhere', { clouds: [{ ...prices.clouds[0], remark: { text: 'x', source: 'hearsay' } }] }, 'no source hearsay'],
    ['with a range upside down', { vast: [{ ...prices.vast[0], dollarsPerHour: [2, 1] }] }, 'expected [low, high]'],
    ['with a source without a date', { sources: { usagepricing: { title: 'x', url: 'https://example.com', asOf: 'lately' } } }, 'asOf'],
  ])('%s is refused', (_, change, reason) => {
    const { success, error } = PriceFile.safeParse({ ...prices, ...change });
    expect([success, JSON.stringify(error?.issues)]).toEqual([false, expect.stringContaining(reason)]);
  });
});
