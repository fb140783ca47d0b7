import { defineConfig } from 'rolldown';
import { leanOutput, leanPlugins } from './scripts/bundle/lean.ts';

/** A service as it runs: starts in half the time, and copies into an image as it is. Run in the service's folder. */
export default defineConfig({
  input: { worker: 'src/main.ts' },
  platform: 'node',
  plugins: leanPlugins,
  output: { ...leanOutput, dir: 'dist', sourcemap: true },
});
