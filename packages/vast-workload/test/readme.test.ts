import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import * as workload from '../src/index.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');
const example = read('../examples/measure-requests.ts');

it('shows the example as it is', () => {
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
});

it('has an example that runs and prints what it says', async () => {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('../examples/measure-requests.ts');
  const promised = [...example.matchAll(/\/\/ (\d+|NaN)/g)].map(([, value]) => [Number(value)]);
  expect(printed.mock.calls).toEqual(promised);
  printed.mockRestore();
});

it('lists every measure', () => {
  const listed = [...readme.matchAll(/^\| `(\w+)\(/gm)].map(([, name]) => name as string);
  expect(listed.toSorted()).toEqual(Object.keys(workload).toSorted());
});

it('counts the items of each body in its table', () => {
  const rows = [...readme.matchAll(/^\| `([["{7].*?)`(?: \(.*\))? \| (\d|NaN) \|$/gm)];
  expect(rows).toHaveLength(9);
  for (const [, body, items] of rows)
    expect([body, workload.countInputs({ inputs: JSON.parse(body as string) })]).toEqual([body, Number(items)]);
});
