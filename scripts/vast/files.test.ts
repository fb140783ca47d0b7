import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dockerOptions, searchQuery, templateBody, VastJson, vastJsonSchema } from '../../packages/vast-deploy/src/index.ts';
import { loadConfig } from '../../packages/vast-worker/src/index.ts';
import { environmentVariables } from '../../packages/vast-worker/src/worker/environment.ts';
import { agentBrainConfig } from '../../services/agent-brain/src/config.ts';
import { complianceEngineConfig } from '../../services/compliance-engine/src/config.ts';
import { rfpAutomationConfig } from '../../services/rfp-automation/src/config.ts';
import { imageNames } from '../ci/image-names.ts';
import { allVastFiles, readVastJson, serviceNames } from './files.ts';

/** Each service's vast.json against the service itself, and what is generated from it. */

const configs = { 'agent-brain': agentBrainConfig, 'rfp-automation': rfpAutomationConfig, 'compliance-engine': complianceEngineConfig };
const services = Object.keys(configs) as (keyof typeof configs)[];
const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const ofTheWorker = environmentVariables.map(({ name }) => name);

/** Variables that the service reads, or the script that starts its model server. */
function ofTheService(service: string): string[] {
  const dockerfile = readText(`services/${service}/Dockerfile`);
  const start = readText(`infra/docker/${/MODEL_SERVER_COMMAND=\/opt\/worker\/(\S+)/.exec(dockerfile)?.[1]}.sh`);
  const sources = readdirSync(new URL(`../../services/${service}/src/`, import.meta.url)).filter((name) => /(?<!\.test)\.ts$/.test(name));
  const code = sources.map((name) => readText(`services/${service}/src/${name}`)).join('\n');
  return [
    ...[...code.matchAll(/\benv\.([A-Z][A-Z0-9_]+)|\bread\('([A-Z][A-Z0-9_]+)'/g)].map(
      ([, member, argument]) => (member ?? argument) as string,
    ),
    ...[...start.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name as string),
    ...(start.includes('text-embeddings-router') ? ['MODEL_ID'] : []), // its own: each of TEI's options is a variable
  ];
}
const secrets = /TOKEN|SECRET|PASSWORD|KEY|HEADERS/;

it('every service has one', () => {
  expect(serviceNames().sort((left, right) => left.localeCompare(right))).toEqual(
    [...services].sort((left, right) => left.localeCompare(right)),
  );
});

it('templates and the schema are current: npm run vast-files', () => {
  for (const { name, path, text } of allVastFiles()) expect([name, readFileSync(path, 'utf8')]).toEqual([name, text]);
});

it('knows what each service reads, and what only another one does', () => {
  expect(ofTheService('rfp-automation')).toEqual(expect.arrayContaining(['RFP_METHOD', 'WORKLOAD_UNIT', 'MODEL_ID', 'MODEL_ARGUMENTS']));
  expect(ofTheService('agent-brain')).toEqual(expect.arrayContaining(['EMBEDDING_CACHE_MIB', 'MODEL_ID']));
  expect(ofTheService('agent-brain')).not.toContain('RFP_METHOD');
});

it('the schema tells editors what every field means', () => {
  interface Node {
    description?: string;
    properties?: Record<string, Node>;
  }
  const silent = (node: Node, path: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, field]) => [
      ...(field.description ? [] : [`${path}${name}`]),
      ...silent(field, `${path}${name}.`),
    ]);
  expect(silent(vastJsonSchema() as Node, '')).toEqual([]);
  expect(Object.keys((vastJsonSchema() as Node).properties?.endpoint?.properties ?? {})).toContain('max_workers'); // it was looked at
});

describe.each(services)('vast.json of %s', (service) => {
  const { template, endpoint, workergroup } = readVastJson(service);
  const config = loadConfig(configs[service](template.env), { UNSECURED: 'true', ...template.env });

  it('is of this service: name, image, port', () => {
    expect([template.name, endpoint.endpoint_name]).toEqual([service, service]);
    expect(template.ports).toEqual([config.workerPort]);
  });

  it('runs an image that the workflows publish, under the tag of a release, which never moves', () => {
    const { version } = JSON.parse(readText(`services/${service}/package.json`)) as { version: string };
    const { image, tag } = templateBody(readVastJson(service), version);
    const released = imageNames({ owner: 'bluefly', service, target: 'default', version, commit: '0'.repeat(40), isRelease: true });
    expect([`${image}:${tag}`]).toEqual(released.tags);
  });

  it('sets what the worker or the service reads, and no secret', () => {
    const known = new Set([...ofTheWorker, ...ofTheService(service)]);
    expect(Object.keys(template.env).filter((name) => !known.has(name) || secrets.test(name))).toEqual([]);
  });

  it('rents GPUs that the image was built for, and names the model that it names', () => {
    const dockerfile = readText(`services/${service}/Dockerfile`);
    const capability = /^ARG TEI_TAG=(\d{2})-/m.exec(dockerfile)?.[1];
    if (capability) {
      expect(template.extra_filters.compute_cap).toEqual({ eq: Number(capability) * 10 });
      expect(workergroup.search_params).toContain(`compute_cap = ${Number(capability) * 10}`);
    }
    expect(/^ARG (?:TEI_TAG|MODEL_IMAGE)=/m.test(dockerfile)).toBe(true);
    expect(/MODEL_ID=(\S+)/.exec(dockerfile)?.[1]).toBe(template.env.MODEL_ID);
  });

  it('lets the router count a worker as full before the worker refuses', () => {
    const limits = config.handlers.map(({ maxQueueTime }) => maxQueueTime ?? Number.POSITIVE_INFINITY);
    expect(endpoint.max_queue_time).toBeLessThan(Math.min(...limits));
    expect(endpoint.target_queue_time).toBeLessThan(endpoint.max_queue_time);
  });

  it('rents machines with the disk and the memory that the template asks for', () => {
    const query = searchQuery(workergroup);
    const figure = (field: string) => Number(new RegExp(`(?:^| )${field} >= ([\\d.]+)`).exec(query)?.[1]);
    expect(figure('disk_space')).toBeGreaterThanOrEqual(template.recommended_disk_space);
    expect(figure('gpu_ram') * 1_000).toBeGreaterThanOrEqual(template.extra_filters.gpu_total_ram?.gte as number); // GB here, MB there
    expect(figure('cuda_max_good')).toBe(template.extra_filters.cuda_max_good?.gte);
    expect(figure('direct_port_count')).toBeGreaterThanOrEqual(template.ports.length);
  });

  it('can cost no more than it says: workers have an upper bound that covers the lower ones', () => {
    expect(endpoint.max_workers).toBeGreaterThanOrEqual(Math.max(endpoint.cold_workers, workergroup.test_workers));
  });
});

describe('a vast.json that is wrong', () => {
  const good = readVastJson('agent-brain');
  it.each([
    ['an image with a tag', { template: { ...good.template, image: 'ghcr.io/bluefly/agent-brain:latest' } }, 'template.image'],
    ['a value that docker options would tear apart', { template: { ...good.template, env: { MODEL_ID: 'a b' } } }, 'template.env.MODEL_ID'],
    ['a variable that is none', { template: { ...good.template, env: { model: 'a' } } }, 'template.env.model'],
    ['another schema', { $schema: 'https://example.com/vast.schema.json' }, '$schema'],
    ['no port', { template: { ...good.template, ports: [] } }, 'template.ports'],
    ['an unknown member', { endpoint: { ...good.endpoint, min_workers: 1 } }, 'endpoint'],
    ['a missing figure', { endpoint: { ...good.endpoint, max_workers: undefined } }, 'endpoint.max_workers'],
    ['a condition that is none', { workergroup: { ...good.workergroup, search_params: ['gpu_ram>23'] } }, 'workergroup.search_params.0'],
    ['an unknown field', { workergroup: { ...good.workergroup, search_params: ['gpu_rams > 23'] } }, 'workergroup.search_params.0'],
  ])('is refused for %s, at its place', (_, change, place) => {
    const { success, error } = VastJson.safeParse({ ...good, ...change });
    expect([success, error?.issues.map(({ path }) => path.join('.'))]).toEqual([false, [place]]);
  });
});

describe('docs/deploying.md', () => {
  const text = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8').replaceAll('\\\n', ' ');
  const { template, endpoint, workergroup } = readVastJson('agent-brain');
  /** Options of the first command that begins so. */
  const optionsOf = (command: string) => {
    const line = new RegExp(`^${command} (.*)$`, 'm').exec(text)?.[1] ?? '';
    return Object.fromEntries([...line.matchAll(/--(\w+) +('[^']*'|\S+)/g)].map(([, name, value]) => [name, value?.replaceAll("'", '')]));
  };
  const asTexts = (values: object) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

  it('has the values of agent-brain', () => {
    expect(optionsOf('vastai create endpoint')).toEqual(asTexts(endpoint));
    const { gpu_ram, test_workers } = workergroup;
    const search_params = searchQuery(workergroup);
    const group = { endpoint_name: endpoint.endpoint_name, template_hash: 'HASH', search_params, gpu_ram, test_workers };
    expect(optionsOf('vastai create workergroup')).toEqual(asTexts(group));
    expect(text).toContain(`vastai search offers '${search_params}'`);
    const { name, image, desc, recommended_disk_space } = template;
    expect(optionsOf('vastai create template')).toMatchObject({
      name,
      image,
      desc,
      env: dockerOptions(template),
      disk_space: String(recommended_disk_space),
    });
  });
});
