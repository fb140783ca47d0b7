import { readdirSync, readFileSync } from 'node:fs';
import { templateBody, VastJson, vastJsonSchema } from '../../packages/vast-deploy/src/index.ts';

/** What follows from the services' vast.json: a template each, and the schema for editors. */

const root = new URL('../../', import.meta.url);

export interface GeneratedFile {
  name: string;
  path: URL;
  text: string;
}

export const serviceNames = (): string[] => readdirSync(new URL('services', root));

/** @throws ZodError that names the field */
export function readVastJson(service: string): VastJson {
  return VastJson.parse(readJson(`services/${service}/vast.json`));
}

export function allVastFiles(): GeneratedFile[] {
  const templates = serviceNames().map((service) => {
    const { version } = readJson(`services/${service}/package.json`) as { version: string };
    return generated(`templates/${service}.json`, templateBody(readVastJson(service), version));
  });
  return [...templates, generated('packages/vast-deploy/vast.schema.json', vastJsonSchema())];
}

const generated = (name: string, content: object): GeneratedFile => ({
  name,
  path: new URL(name, root),
  text: `${JSON.stringify(content, undefined, 2)}\n`,
});

const readJson = (name: string): unknown => JSON.parse(readFileSync(new URL(name, root), 'utf8'));
