import { fileURLToPath } from 'node:url';
import { servicesWithAnImage } from './ci/affected-services.ts';
import { imageOfTag } from './ci/release-tag.ts';

/** `GITHUB_REF_NAME=TAG node scripts/release-image.ts`: which image a tag releases, as outputs of a step; empty ones for none. */
const root = fileURLToPath(new URL('..', import.meta.url));
const release = imageOfTag(process.env.GITHUB_REF_NAME ?? '', servicesWithAnImage(root));
console.log(`service=${release?.service ?? ''}\nversion=${release?.version ?? ''}`);
