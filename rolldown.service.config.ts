import { defineConfig } from 'rolldown';

/** One file per service: starts in half the time and copies into an image as it is. Run in the service's folder. */
export default defineConfig({
  input: 'src/main.ts',
  platform: 'node',
  output: {
    file: 'dist/worker.mjs',
    format: 'esm',
    codeSplitting: false,
    sourcemap: true,
    minify: 'dce-only',
  },
});
