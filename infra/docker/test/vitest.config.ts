import { defineConfig } from 'vitest/config';

/** Builds and runs the images: minutes, and in need of root and of packages that it installs. */
const sourceCondition = '@bluefly/source';

export default defineConfig({
  ssr: { resolve: { conditions: [sourceCondition] } },
  test: {
    dir: import.meta.dirname,
    include: ['**/*.images.ts'],
    execArgv: [`--conditions=${sourceCondition}`],
    testTimeout: 120_000,
    hookTimeout: 900_000,
    fileParallelism: false,
    bail: 1,
  },
});
