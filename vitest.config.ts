import { defineConfig } from 'vitest/config';

/** Tests run from source: workspace packages resolve to their `src` through the `@bluefly/source` condition. */
const sourceCondition = '@bluefly/source';

export default defineConfig({
  ssr: { resolve: { conditions: [sourceCondition] } },
  test: {
    include: ['{packages,services}/**/*.test.ts', '{scripts,infra}/**/*.test.ts'],
    execArgv: [`--conditions=${sourceCondition}`],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
