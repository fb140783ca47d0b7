import { writeFileSync } from 'node:fs';
import { gpuGuide, readPrices } from './gpus/guide.ts';

/** `npm run gpu-guide`: writes docs/gpus.md of docs/gpus/prices.json. */
writeFileSync(new URL('../docs/gpus.md', import.meta.url), gpuGuide(readPrices()));
process.stdout.write('written: docs/gpus.md\n');
