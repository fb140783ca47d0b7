import type { Figures } from './scenarios.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** What was measured, by scenario, target and figure. */
export interface Results {
  /** The command, the machine, the versions. */
  about: Record<string, string>;
  scenarios: { name: string; title: string; targets: { name: string; figures: Record<string, Spread> }[] }[];
}

/** The rounds of one target. */
export function summarize(rounds: readonly Figures[]): Record<string, Spread> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, spreadOf(rounds.map((figures) => figures[name] as number))]));
}

/** The median of one figure; undefined when it was not measured. */
export function medianOf(results: Results, scenario: string, target: string, figure: string): number | undefined {
  return spreadIn(results, scenario, target, figure)?.median;
}

/**
 * The median of what each round gives for two targets that took turns in it: what made a round slow made both slow.
 * undefined when one of them was not measured.
 */
export function medianOfPairs(
  results: Results,
  scenario: string,
  figure: string,
  [first, second]: readonly [string, string],
  combine: (first: number, second: number) => number,
): number | undefined {
  const [a, b] = [spreadIn(results, scenario, first, figure), spreadIn(results, scenario, second, figure)];
  if (!a || !b) return undefined;
  return spreadOf(a.samples.map((sample, round) => combine(sample, b.samples[round] as number))).median;
}

function spreadIn(results: Results, scenario: string, target: string, figure: string): Spread | undefined {
  return results.scenarios.find(({ name }) => name === scenario)?.targets.find(({ name }) => name === target)?.figures[figure];
}

export function aboutText({ about }: Results): string {
  return Object.entries(about)
    .map(([what, value]) => `${what}: ${value}`)
    .join('\n');
}

/** A table: a row per target, medians with the least and the most in brackets. */
export function scenarioText({ name, title, targets }: Results['scenarios'][number]): string {
  return [`\n${name}: ${title}`, ...tableOf(targets)].join('\n');
}

function tableOf(targets: Results['scenarios'][number]['targets']): string[] {
  const columns = Object.keys(targets[0]?.figures ?? {});
  const rows = [
    ['', ...columns],
    ...targets.map(({ name, figures }) => [name, ...columns.map((column) => cell(figures[column] as Spread))]),
  ];
  const widths = rows[0]?.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0))) ?? [];
  return rows.map(
    (row) => `  ${row.map((text, index) => (index === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[index] ?? 0))).join('  ')}`,
  );
}

const cell = ({ median, min, max }: Spread) =>
  Number.isNaN(median) ? '-' : min === max ? figure(median) : `${figure(median)} (${figure(min)}-${figure(max)})`;

const figure = (value: number) => (Number.isInteger(value) || Math.abs(value) >= 1_000 ? value.toFixed(0) : value.toPrecision(3));
