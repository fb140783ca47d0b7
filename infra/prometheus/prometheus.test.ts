import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { freePort, startRig, temporaryFolder } from '../../packages/vast-worker/src/testing/index.ts';
import { agentBrainConfig } from '../../services/agent-brain/src/config.ts';
import { complianceEngineConfig } from '../../services/compliance-engine/src/config.ts';
import { rfpAutomationConfig } from '../../services/rfp-automation/src/config.ts';
import { hasProgram, pathOf, readText, readYaml, runProgram } from '../tools.ts';

const whence = 'apt-get install prometheus';
const hasPromtool = hasProgram('promtool', ['--version'], whence);
const hasPrometheus = hasProgram('prometheus', ['--version'], whence);

/** The folder as it is in a deployment: with the secret that git does not have. */
async function deployed() {
  const folder = await temporaryFolder();
  await cp(pathOf('prometheus'), folder.path, { recursive: true });
  await mkdir(join(folder.path, 'secrets'), { recursive: true });
  await writeFile(join(folder.path, 'secrets/metrics-token'), 'the-metrics-token');
  return folder;
}

describe('the scrape configuration', () => {
  const config = readYaml<any>('prometheus/prometheus.yml');

  it('scrapes every service at its own port, the worker and its model server', () => {
    const ports = {
      'agent-brain': agentBrainConfig({}).workerPort ?? 3000,
      'rfp-automation': rfpAutomationConfig({}).workerPort,
      'compliance-engine': complianceEngineConfig({}).workerPort,
    };
    const expected = Object.entries(ports).map(([service, port]) => ({ targets: [`${service}:${port}`], labels: { service } }));
    expect(config.scrape_configs.map((job: any) => [job.job_name, job.metrics_path, job.static_configs])).toEqual([
      ['workers', '/metrics', expected],
      ['model-servers', '/metrics/model', expected],
    ]);
  });

  it.skipIf(!hasPromtool)('is one for promtool, with the rules', async () => {
    await using folder = await deployed();
    const { status, output } = runProgram('promtool', ['check', 'config', 'prometheus.yml'], folder.path);
    expect([status, output]).toEqual([0, expect.stringContaining('prometheus.yml is valid')]);
  });
});

describe('the alerts', () => {
  it.skipIf(!hasPromtool)('fire when they should, and not when they should not', () => {
    const { status, output } = runProgram('promtool', ['test', 'rules', 'rules.test.yml'], pathOf('prometheus'));
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  it('are all tested, firing and not', () => {
    const { groups } = readYaml<any>('prometheus/rules/workers.yml');
    const alerts = groups.flatMap(({ rules }: any) => rules).flatMap(({ alert }: any) => (alert === undefined ? [] : [alert]));
    const cases = readYaml<any>('prometheus/rules.test.yml').tests.flatMap((test: any) => test.alert_rule_test ?? []);
    const tested = (isFiring: boolean) =>
      new Set(cases.filter(({ exp_alerts }: any) => exp_alerts.length > 0 === isFiring).map(({ alertname }: any) => alertname));
    expect([tested(true), tested(false)]).toEqual([new Set(alerts), new Set(alerts)]);
  });

  it('name metrics that a worker has', async () => {
    await using rig = await startRig();
    const { text } = await rig.get('/metrics');
    const named = new Set(readText('prometheus/rules/workers.yml').match(/(?<![:\w])vast_worker_\w+/g));
    expect(named.size).toBeGreaterThan(8);
    expect([...named].filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
  });
});

describe.skipIf(!hasPrometheus)('a real Prometheus', () => {
  it('scrapes a worker and its model server with the token, and evaluates the rules', async () => {
    await using rig = await startRig({
      env: { METRICS_TOKEN: 'the-metrics-token' },
      awaitReady: false, // its health says nothing without the token
      model: (model) => (model.metrics = '# TYPE te_queue_size gauge\nte_queue_size 3\n'),
    });
    await using folder = await deployed();
    const config = readYaml<any>('prometheus/prometheus.yml');
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    for (const job of config.scrape_configs)
      job.static_configs = [{ targets: [`127.0.0.1:${rig.port}`], labels: { service: 'agent-brain' } }];
    await writeFile(join(folder.path, 'prometheus.yml'), stringify(config));
    const port = await freePort();
    const server = spawn(
      'prometheus',
      ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
      { cwd: folder.path, stdio: 'ignore' },
    );
    try {
      const ask = async (query: string): Promise<any[]> => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => undefined);
        return answer?.ok ? ((await answer.json()) as any).data.result : [];
      };
      /** Prometheus scrapes when it does; the test's own limit bounds this. */
      const until = async (query: string): Promise<any[]> => {
        for (;;) {
          const result = await ask(query);
          if (result.length > 0) return result;
          await pause(100);
        }
      };
      expect(await until('vast_worker_phase{phase="ready"} == 1')).toMatchObject([{ metric: { service: 'agent-brain', job: 'workers' } }]);
      expect(await until('te_queue_size')).toMatchObject([{ metric: { job: 'model-servers' }, value: [expect.any(Number), '3'] }]);
      expect(await until('service:vast_worker_utilisation:ratio')).toMatchObject([{ metric: { service: 'agent-brain' } }]);
      expect(await ask('up == 0')).toEqual([]);
      expect(await ask('ALERTS')).toEqual([]);
    } finally {
      server.kill('SIGKILL');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'close');
    }
  });
});
