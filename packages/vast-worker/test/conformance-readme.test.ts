import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { defects, untested } from '../conformance/defects.ts';
import { differences } from '../conformance/differences.ts';

const readme = readFileSync(new URL('../conformance/README.md', import.meta.url), 'utf8');

/** Cells of the table under a heading. */
function rows(heading: string): string[][] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('the README of the conformance suites', () => {
  it('lists every deliberate difference, every defect, and why some are not tested', () => {
    expect(rows('Reports')).toEqual(differences.map(({ field, official, ours, reason }) => [field, official, ours, reason]));
    expect(rows('Defects: tested')).toEqual(defects.map(({ id, title }) => [id, title]));
    expect(rows('Defects: not tested')).toEqual(untested.map(({ id, reason }) => [id, reason]));
  });

  it('leaves out no defect of the worker', () => {
    const ids = [...defects, ...untested].map(({ id }) => id);
    const ofOthers = new Set([6, 18, 19, 43, 44, 45, 46, 47, 48, 49, 61]);
    const numbers = Array.from({ length: 61 }, (_, index) => index + 1).filter((number) => !ofOthers.has(number));
    expect([...ids].sort()).toEqual(numbers.map((number) => `D-${String(number).padStart(2, '0')}`));
  });
});
