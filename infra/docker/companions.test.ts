import { describe, expect, it } from 'vitest';
import { companionsFrom, workerEnvironment } from './companions.ts';

const machine = { PATH: '/bin', HOME: '/root', MASTER_TOKEN: 'master', HF_TOKEN: 'hf', HTTPS_PROXY: 'http://proxy:3128' };
const tokens = { TUNNEL_TOKEN: 'tunnel-secret', TS_AUTHKEY: 'tskey-secret' };

describe('companions', () => {
  it('are none without tokens, and with empty ones', () => {
    expect(companionsFrom(machine)).toEqual([]);
    expect(companionsFrom({ ...machine, TUNNEL_TOKEN: '', TS_AUTHKEY: '' })).toEqual([]);
  });

  it('are one for each token', () => {
    const names = (env: NodeJS.ProcessEnv) => companionsFrom(env).map(({ name }) => name);
    expect(names({ TUNNEL_TOKEN: 'x' })).toEqual(['cloudflared']);
    expect(names({ TUNNEL_TOKEN_FILE: '/run/secrets/tunnel' })).toEqual(['cloudflared']);
    expect(names({ TS_AUTHKEY: 'x' })).toEqual(['tailscaled']);
    expect(names(tokens)).toEqual(['cloudflared', 'tailscaled']);
  });

  it('show no token in their arguments', () => {
    const words = companionsFrom({ ...machine, ...tokens }).flatMap(({ command, join = [] }) => [...command, ...join]);
    expect(words.length).toBeGreaterThan(5);
    expect(words.filter((word) => word.includes('secret'))).toEqual([]);
  });

  it('get what leads them to the network, and no secret of the worker', () => {
    const [tunnel, tailscale] = companionsFrom({ ...machine, ...tokens, TUNNEL_METRICS: '127.0.0.1:20241' });
    const { PATH, HOME, HTTPS_PROXY } = machine;
    const { TUNNEL_TOKEN } = tokens;
    const own = { NO_AUTOUPDATE: 'true', TUNNEL_TOKEN, TUNNEL_METRICS: '127.0.0.1:20241' };
    expect(tunnel?.env).toEqual({ PATH, HOME, HTTPS_PROXY, ...own });
    expect(tailscale?.env).toEqual({ PATH, HOME, HTTPS_PROXY });
  });

  it('leave their secrets to nobody else', () => {
    expect(workerEnvironment({ ...machine, ...tokens })).toEqual(machine);
  });

  it('hand a key to Tailscale in a file', () => {
    const [companion] = companionsFrom({ TS_AUTHKEY: 'tskey-secret', TMPDIR: '/run' });
    expect(companion?.secret).toEqual({ file: '/run/tailscale/authkey', text: 'tskey-secret' });
    expect(companion?.join).toContain('--auth-key=file:/run/tailscale/authkey');
  });

  it('read a key where it is when it is in a file already', () => {
    const [companion] = companionsFrom({ TS_AUTHKEY: 'file:/run/secrets/key' });
    expect(companion?.secret).toBeUndefined();
    expect(companion?.join).toContain('--auth-key=file:/run/secrets/key');
  });

  it('name the node by its container, or as asked', () => {
    const join = (env: NodeJS.ProcessEnv) => companionsFrom({ TS_AUTHKEY: 'x', ...env })[0]?.join;
    expect(join({ CONTAINER_ID: '4711' })).toContain('--hostname=worker-4711');
    expect(join({ CONTAINER_ID: '4711', TS_HOSTNAME: 'gpu' })).toContain('--hostname=gpu');
    expect(join({ TS_EXTRA_ARGS: '--advertise-tags=tag:gpu --ssh=false ' })?.slice(-2)).toEqual([
      '--advertise-tags=tag:gpu',
      '--ssh=false',
    ]);
  });
});
