import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { leanOutput, leanPlugins } from '../../../scripts/bundle/lean.ts';

/** The targets of ours, bundled as services are: what is measured is what runs in an image. */
export async function buildTargets(): Promise<void> {
  await build({
    input: Object.fromEntries(
      ['floor', 'copier', 'worker'].map((name) => [name, fileURLToPath(new URL(`targets/${name}.ts`, import.meta.url))]),
    ),
    platform: 'node',
    resolve: { conditionNames: ['@bluefly/source'] },
    plugins: leanPlugins,
    output: { ...leanOutput, dir: fileURLToPath(new URL('dist', import.meta.url)) },
    logLevel: 'warn',
  });
}
