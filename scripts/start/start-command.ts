import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** How a service is started: the `start` script of its package, with Node's flags and what malloc needs, chosen by measurement. */
export interface StartCommand {
  env: Record<string, string>;
  /** Node's, without the bundle. */
  flags: string[];
  /** Absolute path. */
  bundle: string;
}

/** @throws Error when the script is of another form than `NAME=value … node --flag … dist/file.mjs` */
export function startCommandOf(service: string): StartCommand {
  const folder = fileURLToPath(new URL(`../../services/${service}/`, import.meta.url));
  const { scripts } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as { scripts: { start: string } };
  const found = /^(?<env>(?:[A-Z_]+=\S+ )*)node (?<flags>(?:--\S+ )*)(?<bundle>\S+)$/.exec(scripts.start)?.groups;
  if (!found) throw new Error(`services/${service}/package.json: the start script is none that can be read: ${scripts.start}`);
  const words = (text = '') => text.split(' ').filter((word) => word !== '');
  return {
    env: Object.fromEntries(words(found.env).map((word) => word.split('=') as [string, string])),
    flags: words(found.flags),
    bundle: `${folder}${found.bundle}`,
  };
}
