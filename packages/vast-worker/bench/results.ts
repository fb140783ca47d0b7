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

/** Medians of one figure; undefined when it was not measured. */
export function medianOf(results: Results, scenario: string, target: string, figure: string): number | undefined {
  const found = results.scenarios.find(({ name }) => name === scenario)?.targets.find(({ name }) => name === target);
  return found?.figures[figure]?.median;
}

/** One table per scenario: a row per target, medians with the least and the most in brackets. */
export function asText({ about, scenarios }: Results): string {
  const tables = scenarios.map(({ name, title, targets }) => [`\n${name}: ${title}`, ...tableOf(targets)].join('\n'));
  return [...Object.entries(about).map(([what, value]) => `${what}: ${value}`), ...tables].join('\n');
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
