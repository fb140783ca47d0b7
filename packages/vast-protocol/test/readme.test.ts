import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import * as protocol from '../src/index.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const readme = read('../README.md');

it('shows the example as it is', () => {
  expect(readme).toContain(`\`\`\`ts\n${read('../examples/verify-grant.ts')}\`\`\``);
});

it('has an example that runs and prints what it says', async () => {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await import('../examples/verify-grant.ts');
  expect(printed.mock.calls).toEqual([['forward', '{"input":["a","b","c"]}']]);
  printed.mockRestore();
});

it('lists the signature forms with the fields they sign', () => {
  const fields = { cost: 1, endpoint: 'e', reqnum: 2, request_idx: 3, url: 'u' };
  for (const form of protocol.signatureForms) {
    const names = Object.keys(JSON.parse(protocol.signedMessage(form, fields)) as object);
    expect(readme).toContain(`| \`${form}\` | ${names.map((name) => `\`${name}\``).join(', ')} |`);
  }
});

it('names every schema that is public, and none that is not', () => {
  const partsOfOthers = ['finishedRequestSchema', 'legacyDeleteRequestsSchema', 'readyAnswerSchema', 'waitingAnswerSchema'];
  const named = new Set(readme.match(/\w+Schema\b/g));
  expect([...named, ...partsOfOthers].toSorted()).toEqual(
    Object.keys(protocol)
      .filter((name) => name.endsWith('Schema'))
      .toSorted(),
  );
});

it('names paths that exist', () => {
  const named = [...readme.matchAll(/`paths\.(\w+)`/g)].map(([, name]) => name as string);
  expect(named.length).toBeGreaterThan(0);
  expect(Object.keys(protocol.paths)).toEqual(expect.arrayContaining(named));
});
