import { expect, it } from 'vitest';
import { dockerOptions, searchQuery, templateBody } from './template.ts';
import { VastJson } from './vast-json.ts';

const settings = VastJson.parse({
  $schema: '../../packages/vast-deploy/vast.schema.json',
  template: {
    name: 's',
    desc: 'A service',
    image: 'ghcr.io/acme/s',
    env: { MODEL_ID: 'a/b', USE_SSL: 'true' },
    ports: [3000, 8443],
    recommended_disk_space: 40,
    extra_filters: { gpu_total_ram: { gte: 16_000 } },
  },
  endpoint: {
    endpoint_name: 's',
    min_load: 0,
    min_cold_load: 0,
    target_util: 0.9,
    cold_mult: 2.5,
    cold_workers: 0,
    max_workers: 1,
    max_queue_time: 30,
    target_queue_time: 10,
    inactivity_timeout: -1,
  },
  workergroup: { search_params: ['gpu_name in [RTX_4090,L40S]', 'num_gpus = 1'], gpu_ram: 24, test_workers: 1 },
});

it('ports and variables become docker options, in order', () => {
  expect(dockerOptions(settings.template)).toBe('-p 3000:3000 -p 8443:8443 -e MODEL_ID=a/b -e USE_SSL=true');
});

it('a template runs the image of one version by its own entry point', () => {
  expect(templateBody(settings, '1.2.3')).toMatchObject({
    image: 'ghcr.io/acme/s',
    tag: '1.2.3',
    runtype: 'args',
    onstart: '',
    docker_login_repo: '',
    private: true,
    recommended_disk_space: 40,
    extra_filters: { gpu_total_ram: { gte: 16_000 } },
  });
});

it('a template of a private image says where and as whom to log in, and no password', () => {
  const template = { ...settings.template, docker_login: { repo: 'ghcr.io', user: 'acme' } };
  expect(templateBody({ ...settings, template }, '1.2.3')).toMatchObject({
    docker_login_repo: 'ghcr.io',
    docker_login_user: 'acme',
    docker_login_pass: '',
  });
  expect(
    VastJson.safeParse({ ...settings, template: { ...template, docker_login: { ...template.docker_login, pass: 'x' } } }).success,
  ).toBe(false);
});

it('conditions are one query, all of which holds', () => {
  expect(searchQuery(settings.workergroup)).toBe('gpu_name in [RTX_4090,L40S] num_gpus = 1');
});
