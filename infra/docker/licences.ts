import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The licence texts of everything that is bundled, which the bundles themselves have lost. */

export interface LicensedPackage {
  name: string;
  versions: string[];
  /** Its folders, one per version. */
  paths: string[];
  license: string;
}

/** @param listing what `pnpm licenses list --json` prints: packages by licence */
export function licenceTexts(listing: Record<string, LicensedPackage[]>): string {
  const packages = Object.values(listing).flat();
  packages.sort((left, right) => (left.name < right.name ? -1 : 1));
  return packages.map(describe).join('\n');
}

function describe({ name, versions, paths, license }: LicensedPackage): string {
  const texts = paths.flatMap((path) => licenceFilesIn(path).map((file) => readFileSync(join(path, file), 'utf8').trim()));
  const title = `${name} ${versions.join(', ')} (${license})`;
  return `${title}\n${'-'.repeat(title.length)}\n\n${[...new Set(texts)].join('\n\n') || 'The package has no licence text of its own.'}\n`;
}

const licenceFilesIn = (folder: string) => readdirSync(folder).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name));
