import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { environmentVariables } from '../packages/vast-worker/src/worker/environment.ts';
import { agentBrainConfig } from '../services/agent-brain/src/config.ts';
import { complianceEngineConfig } from '../services/compliance-engine/src/config.ts';
import { rfpAutomationConfig } from '../services/rfp-automation/src/config.ts';
import { pathOf, readText, readYaml } from './tools.ts';

const compose = readYaml<any>('compose.yaml');
const workers = {
  'agent-brain': agentBrainConfig({}).workerPort ?? 3000,
  'rfp-automation': rfpAutomationConfig({}).workerPort,
  'compliance-engine': complianceEngineConfig({}).workerPort,
};
/** Settings of the services and of what their images start. */
const otherSettings = ['MODEL_ID', 'RFP_METHOD', 'EMBEDDING_CACHE_MIB', 'WORKLOAD_UNIT'];

describe('compose.yaml', () => {
  it('has every service, by profile, at its own port of the loopback interface', () => {
    for (const [name, port] of Object.entries(workers)) {
      const service = compose.services[name];
      expect([name, service.profiles, service.ports]).toEqual([name, [name], [`127.0.0.1:${port}:${port}`]]);
    }
  });

  it('publishes nothing but on the loopback interface', () => {
    for (const { ports = [] } of Object.values<any>(compose.services)) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('sets only what workers and services read', () => {
    const known = new Set([...environmentVariables.map(({ name }) => name), ...otherSettings]);
    for (const name of Object.keys(workers)) {
      expect(Object.keys(compose.services[name].environment).filter((variable) => !known.has(variable))).toEqual([]);
    }
  });

  it('gives workers longer to stop than they take to drain', () => {
    for (const name of Object.keys(workers)) expect(Number.parseInt(compose.services[name].stop_grace_period, 10)).toBeGreaterThan(25 + 10);
  });

  it('pins every image, and ours by a tag that is to be chosen', () => {
    for (const [name, { image }] of Object.entries<any>(compose.services)) {
      expect([name, image]).toEqual([name, expect.stringMatching(name in workers ? /:\$\{TAG:\?/ : /:v?\d+\.\d+\.\d+$/)]);
    }
  });

  it('reads what .env.example has, all of it and nothing else; and holds no secret', () => {
    const used = new Set([...readText('compose.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name));
    const example = [...readText('.env.example').matchAll(/^([A-Z_]+)=(.*)$/gm)];
    expect(new Set(example.map(([, name]) => name))).toEqual(used);
    expect(example.filter(([, , value]) => value !== '').map(([, name]) => name)).toEqual(['REGISTRY']);
  });

  it('mounts files that exist', () => {
    const mounts = Object.values<any>(compose.services).flatMap(({ volumes = [] }) => volumes as string[]);
    const files = mounts.filter((mount) => mount.startsWith('./')).map((mount) => mount.slice(2).split(':')[0] as string);
    expect(files.length).toBeGreaterThan(4);
    expect(files.filter((file) => !existsSync(pathOf(file)))).toEqual([]);
  });
});
