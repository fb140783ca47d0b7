import { describe, expect, it } from 'vitest';
import { FakeAccessTeam } from '../packages/vast-worker/src/testing/fake-access-team.ts';
import { startRig, temporaryFolder } from '../packages/vast-worker/src/testing/index.ts';
import { readDirect } from '../packages/vast-worker/src/worker/direct-config.ts';
import { readText, readYaml } from './tools.ts';

/** Cloudflare's tunnel and Tailscale lead where the worker listens for them. Their own servers are not tested here. */

describe('cloudflare/config.yml', () => {
  const { ingress, 'grace-period': grace } = readYaml<any>('cloudflare/config.yml');
  const [rule, last] = ingress;

  it('leads to a listener of the loopback interface that a worker can be told of, with the team and audience it checks', () => {
    const { hostname, port } = new URL(rule.service);
    const { access } = rule.originRequest;
    const { direct, problems } = readDirect({
      CF_ACCESS_TEAM: `https://${access.teamName}.cloudflareaccess.com`,
      CF_ACCESS_AUDIENCE: access.audTag.join(','),
      CF_ACCESS_PORT: port,
    });
    expect(problems).toEqual([]);
    expect(hostname).toBe('127.0.0.1');
    expect(direct.cloudflareAccess).toEqual({ port: Number(port), team: 'https://example.cloudflareaccess.com', audiences: access.audTag });
    expect(readText('cloudflare/README.md')).toContain(`CF_ACCESS_PORT=${port}`);
  });

  it('asks for Access inside the rule, where cloudflared reads it, and answers 404 to the rest', () => {
    expect(rule.originRequest.access.required).toBe(true);
    expect(readYaml<any>('cloudflare/config.yml').originRequest).toBeUndefined();
    expect(last).toEqual({ service: 'http_status:404' });
  });

  it('lets go of idle connections before the worker does, and waits for its drain', () => {
    expect(Number.parseInt(rule.originRequest.keepAliveTimeout, 10)).toBeLessThan(75);
    expect(Number.parseInt(grace, 10)).toBeGreaterThan(25);
  });
});

describe('tailscale/serve.json', () => {
  const serve = JSON.parse(readText('tailscale/serve.json'));

  it('leads to the Unix socket that a worker can be told of, and lets nobody in from the internet', async () => {
    const [web] = Object.values<any>(serve.Web);
    const socketPath = web.Handlers['/'].Proxy.replace(/^unix:/, '');
    expect(readDirect({ TAILSCALE_SOCKET: socketPath })).toMatchObject({ direct: { tailscale: { socketPath } }, problems: [] });
    expect(readText('tailscale/README.md')).toContain(`TAILSCALE_SOCKET=${socketPath}`);
    expect(Object.values(serve.AllowFunnel)).toEqual([false]);
    const [folder] = socketPath.split('/').slice(0, -1).join('/') === '/run/vast-worker' ? ['/run/vast-worker'] : [];
    const { services } = readYaml<any>('compose.yaml');
    for (const name of ['agent-brain', 'tailscale']) expect(services[name].volumes).toContain(`sockets:${folder}`);
  });
});

describe('a worker with both', () => {
  it('starts with the variables that the READMEs name', async () => {
    const team = new FakeAccessTeam();
    await team.listen();
    await using folder = await temporaryFolder();
    await using rig = await startRig({
      env: {
        CF_ACCESS_TEAM: team.url,
        CF_ACCESS_AUDIENCE: team.audience,
        CF_ACCESS_PORT: '0',
        TAILSCALE_SOCKET: `${folder.path}/tailscale.sock`,
      },
    });
    expect(Object.keys(await rig.worker.directPorts())).toEqual(['cloudflare-access', 'tailscale']);
    await team.close();
  });
});
