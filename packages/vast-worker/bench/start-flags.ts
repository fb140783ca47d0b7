import { readFileSync } from 'node:fs';

/** The start command of a service: `node` with flags, and what its environment adds. One place: agent-brain's package. */
const { start } = (
  JSON.parse(readFileSync(new URL('../../../services/agent-brain/package.json', import.meta.url), 'utf8')) as {
    scripts: { start: string };
  }
).scripts;

export const startEnv: Record<string, string> = Object.fromEntries(
  start.split(' ').flatMap((word) => (/^[A-Z_]+=/.test(word) ? [word.split('=') as [string, string]] : [])),
);

/** `BENCH_FLAGS` in their place: to try others. */
export const startFlags: string[] = (process.env.BENCH_FLAGS ?? start).split(' ').filter((word) => word.startsWith('--'));
