import { affectedServices } from './ci/affected-services.ts';

/** `BASE=COMMIT node scripts/affected-services.ts`: the services whose images the commits since BASE change, as a JSON array. */
console.log(JSON.stringify(affectedServices(process.cwd(), process.env.BASE ?? '')));
