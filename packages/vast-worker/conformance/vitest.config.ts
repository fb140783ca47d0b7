import { defineConfig } from 'vitest/config';

/** Against the official Python package: slower than the other tests, and in need of Python and its package index. */
const sourceCondition = '@bluefly/source';

export default defineConfig({
  ssr: { resolve: { conditions: [sourceCondition] } },
  test: {
    dir: import.meta.dirname,
    include: ['**/*.conformance.ts'],
    execArgv: [`--conditions=${sourceCondition}`],
    testTimeout: 120_000,
    hookTimeout: 400_000,
    fileParallelism: false,
  },
});
