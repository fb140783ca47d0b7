import { describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { loadConfig, type WorkerConfig } from './config.ts';

const handlers = [{ route: '/v1/embeddings' }];
const unsecured = { UNSECURED: 'true' };
const onVast = { CONTAINER_ID: '4242', REPORT_ADDR: 'https://run.vast.ai/', PUBLIC_IPADDR: '203.0.113.10', VAST_TCP_PORT_3000: '41023' };

function problemsOf(config: unknown, env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(config as WorkerConfig, env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ where, expected, found }) => `${where}: ${expected} / ${found}`);
  }
}

describe('configuration', () => {
  it('has the defaults of the reference worker', () => {
    const config = loadConfig({ handlers }, unsecured);
    expect(config).toMatchObject({ workerPort: 3000, modelServerOrigin: 'http://127.0.0.1:8000', maxSessions: 10, identity: undefined });
    expect(config.handlers[0]).toMatchObject({ allowParallelRequests: false, maxQueueTime: 30 });
  });

  it('knows who it is on Vast', () => {
    expect(loadConfig({ handlers }, onVast)).toMatchObject({
      identity: { id: 4242, masterToken: '', url: 'http://203.0.113.10:41023' },
      reportAddresses: ['https://run.vast.ai'],
      isUnsecured: false,
    });
  });

  it('lets the environment win over the options', () => {
    const config = loadConfig({ handlers, workerPort: 1, modelServerPort: 2 }, { ...unsecured, WORKER_PORT: '3', MODEL_SERVER_PORT: '4' });
    expect(config).toMatchObject({ workerPort: 3, modelServerPort: 4 });
  });

  it('chooses form and bindings of grants by options as well, and knows no other form', () => {
    const options = { signatureForm: 'all-fields', urlCheck: 'enforce', endpointName: 'prod', replayWindow: 60 } as const;
    expect(loadConfig({ handlers, ...options }, unsecured)).toMatchObject(options);
    expect(loadConfig({ handlers, ...options }, { ...unsecured, URL_CHECK: 'off' })).toMatchObject({
      urlCheck: 'off',
      endpointName: 'prod',
    });
    expect(problemsOf({ handlers, signatureForm: 'made-up' }, unsecured)).toEqual([expect.stringContaining('option signatureForm')]);
  });

  it.each(['y', 'YES', 't', 'True', 'on', '1'])('takes %s for yes', (word) => {
    expect(loadConfig({ handlers }, { UNSECURED: word }).isUnsecured).toBe(true);
  });

  it.each(['n', 'No', 'f', 'FALSE', 'off', '0'])('takes %s for no', (word) => {
    expect(loadConfig({ handlers }, { ...onVast, UNSECURED: word }).isUnsecured).toBe(false);
  });

  it('lists every problem of options and environment at once', () => {
    const config = { handlers: [{ route: 'no-slash', maxQueueTime: -1 }], workerPort: 99_999, typo: 1, modelServerUrl: 'http://a:80/x' };
    expect(problemsOf(config, { ...onVast, CONTAINER_ID: 'x', PUBLIC_IPADDR: '', MAX_BODY_BYTES: '1' })).toHaveLength(9);
  });

  it('names where, what was expected and what was found', () => {
    expect(problemsOf({ handlers, workerPort: 99_999 }, unsecured)).toEqual(['option workerPort: number to be <=65535 / 99999']);
    expect(problemsOf({ handlers, typo: 1 }, unsecured)).toEqual(['the options: no key named typo / an object']);
    expect(problemsOf({ handlers: [] }, unsecured)).toEqual([expect.stringContaining('option handlers')]);
    expect(problemsOf({ handlers }, { ...unsecured, LOG_LEVEL: 'loud' })).toEqual([
      'environment variable LOG_LEVEL: trace, debug, info, warn, error, fatal or silent / "loud"',
    ]);
  });

  it('says what to do when signatures cannot be verified', () => {
    expect(problemsOf({ handlers }, {})).toEqual([expect.stringContaining('UNSECURED=true')]);
  });

  it.each([
    ['two handlers of one route', { handlers: [{ route: '/a' }, { route: '/a' }] }, 'a route of its own'],
    ['a route that the worker serves itself', { handlers: [{ route: '/health' }] }, 'does not serve itself'],
    [
      'two benchmarks',
      { handlers: ['/a', '/b'].map((route) => ({ route, benchmarkConfig: { dataset: [{}] } })) },
      'one handler with a benchmarkConfig',
    ],
    ['a benchmark without payloads', { handlers: [{ route: '/a', benchmarkConfig: {} }] }, 'either a dataset or a generator'],
    ['a calculator that is none', { handlers: [{ route: '/a', workloadCalculator: 7 }] }, 'a function'],
  ])('refuses %s', (_, config, words) => {
    expect(problemsOf(config, unsecured).join()).toContain(words);
  });

  it('never shows a secret', () => {
    expect(
      problemsOf({ handlers, hfToken: 'hf_secret' }, { ...unsecured, HF_TOKEN: 'hf_secret', MASTER_TOKEN: 'mt_secret' }).join(),
    ).not.toContain('secret');
  });
});
