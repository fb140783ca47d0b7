import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../packages/vast-worker/src/index.ts';
import { environmentVariables } from '../../../packages/vast-worker/src/worker/environment.ts';
import { agentBrainConfig } from '../../../services/agent-brain/src/config.ts';
import { complianceEngineConfig } from '../../../services/compliance-engine/src/config.ts';
import { rfpAutomationConfig } from '../../../services/rfp-automation/src/config.ts';
import { root } from './image-workshop.ts';

/** The Dockerfiles, without building them: their settings are settings, and what they share is the same in all. */

const read = (path: string) => readFileSync(root + path, 'utf8');
const configs = { 'agent-brain': agentBrainConfig, 'rfp-automation': rfpAutomationConfig, 'compliance-engine': complianceEngineConfig };
const services = Object.keys(configs) as (keyof typeof configs)[];

/** What others than the worker read: Node, and the model servers with their start scripts. */
const othersRead: Record<keyof typeof configs, readonly string[]> = {
  'agent-brain': ['NODE_ENV', 'HUGGINGFACE_HUB_CACHE'],
  'rfp-automation': ['NODE_ENV', 'MODEL_ID', 'MODEL_ARGUMENTS', 'HF_HOME', 'VLLM_CACHE_ROOT'],
  'compliance-engine': ['NODE_ENV', 'MODEL_ID', 'HUGGINGFACE_HUB_CACHE'],
};

/** Of the worker's stage, with its continued lines. */
function environmentOf(dockerfile: string): Record<string, string> {
  const worker = /^FROM \S+ AS worker\n(.*?)^FROM /ms.exec(dockerfile)?.[1] ?? '';
  const text = /^ENV ((?:.*\\\n)*.*)$/m.exec(worker)?.[1] ?? '';
  return Object.fromEntries([...text.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, bare]) => [name, quoted ?? bare]));
}

/** Arguments of an instruction in JSON form, such as ENTRYPOINT; its last one in the file. */
const listsOf = (dockerfile: string, instruction: string) =>
  [...dockerfile.matchAll(new RegExp(`^${instruction} .*?(\\[.*\\])$`, 'gm'))].map(([, list]) => JSON.parse(list as string) as string[]);

it('every service has a Dockerfile', () => {
  expect(readdirSync(`${root}services`).sort()).toEqual([...services].sort());
});

describe.each(services)('the Dockerfile of %s', (service) => {
  const dockerfile = read(`services/${service}/Dockerfile`);
  const environment = environmentOf(dockerfile);

  it('sets only variables that somebody reads', () => {
    const readme = read(`services/${service}/README.md`);
    const ofService = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, name]) => name as string);
    const known = new Set([...environmentVariables.map(({ name }) => name), ...ofService, ...othersRead[service]]);
    expect(Object.keys(environment).length).toBeGreaterThan(5);
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
  });

  it("has the ports that are the service's own, and no setting that the worker refuses", () => {
    const config = configs[service](environment);
    const own = { UNSECURED: 'true' };
    const { workerPort, modelServerPort } = loadConfig(config, own);
    const resolved = loadConfig(config, { ...environment, ...own });
    expect(resolved).toMatchObject({ workerPort, modelServerPort, useSsl: true, requiresGpu: true });
    expect(dockerfile).toContain(`\nEXPOSE ${workerPort}\n`);
  });

  it('starts a script of ours as the model server, by its whole path', () => {
    const script = /^\/opt\/worker\/(start-\w+)$/.exec(environment.MODEL_SERVER_COMMAND ?? '')?.[1];
    expect(readdirSync(`${root}infra/docker`)).toContain(`${script}.sh`);
  });

  it('runs the same entry behind the tunnels as without them', () => {
    const [plain, network] = listsOf(dockerfile, 'ENTRYPOINT') as [string[], string[]];
    const node = '/usr/local/bin/node';
    expect(plain).toEqual(['/usr/local/bin/tini', '--', node, '/opt/worker/vast-worker.mjs', 'supervise', '--', '/opt/worker/start']);
    expect(network).toEqual(['/usr/local/bin/tini', '--', node, '/opt/worker/network.mjs', ...plain.slice(1)]);
  });

  it('is built as its README says', () => {
    const readme = read(`services/${service}/README.md`);
    const { workerPort = 3000 } = configs[service](environment);
    expect(readme).toContain(`docker build -f services/${service}/Dockerfile -t ${service}-vastai .\n`);
    expect(readme).toContain(` -p ${workerPort}:${workerPort} `);
    expect(readme).toContain(`(\`${environment.MODEL_ID}\``);
  });

  it('builds the target without tunnels when none is named', () => {
    expect(dockerfile.trimEnd().split('\n').at(-1)).toBe('FROM worker');
  });

  it("takes Node of the repository's version, and pins every image", () => {
    const images = [...dockerfile.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, image]) => [name as string, image as string] as const);
    expect(Object.fromEntries(images).NODE_IMAGE).toContain(`node:${read('.node-version').trim()}-`);
    for (const [, image] of images) expect(image).toMatch(/\d+\.\d+|\$\{TEI_TAG\}$/);
  });

  it('differs from the others in nothing but its settings', () => {
    const common = (text: string, name: string) =>
      text
        .replaceAll(name, 'SERVICE')
        .replace(/^ENV NODE_ENV(?:.*\\\n)*.*$/m, 'ENV')
        .replace(/^ARG (TEI_TAG|MODEL_IMAGE)=.*\n/gm, '')
        .replace(/^EXPOSE \d+$/m, 'EXPOSE')
        .replace(/description=".*"/, 'description');
    expect(common(dockerfile, service)).toBe(common(read('services/agent-brain/Dockerfile'), 'agent-brain'));
  });
});

describe('the README of the images', () => {
  const readme = read('infra/docker/README.md');

  it('names every build argument and the defaults', () => {
    const dockerfiles = services.map((service) => read(`services/${service}/Dockerfile`)).join('\n');
    const names = new Set([...dockerfiles.matchAll(/^ARG (\w+)=/gm)].map(([, name]) => name as string));
    expect([...names].filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
    expect(readme).toContain(`\`${/^ARG TEI_TAG=(\S+)$/m.exec(dockerfiles)?.[1]}\` (L4, L40, RTX 40; the default)`);
    expect(readme).toContain(`| \`MODEL_ARGUMENTS\` | \`${/MODEL_ARGUMENTS="(.*)"/.exec(dockerfiles)?.[1]}\` |`);
  });
});
