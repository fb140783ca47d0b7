import { z } from 'zod';

/**
 * `vast.json`: what a service is on Vast.ai Serverless, beside its source. Names and units are those of Vast's API, so that what its
 * documentation and console say applies; every value that Vast has a default for is required, since its sources disagree on defaults.
 * Source of every field, unit and meaning: Vast's API documentation (`POST /template/`, `/endptjobs/`, `/workergroups/`) and the help of
 * its CLI 1.5.6. Descriptions go into the JSON Schema, so that editors show them.
 */

/** Vast takes these for both; in search strings blanks in values are underscores. */
const searchFields = [
  'gpu_name',
  'num_gpus',
  'gpu_ram',
  'gpu_total_ram',
  'compute_cap',
  'cuda_max_good',
  'cpu_ram',
  'cpu_cores_effective',
  'cpu_arch',
  'disk_space',
  'inet_down',
  'inet_up',
  'direct_port_count',
  'reliability',
  'dph_total',
  'geolocation',
  'verified',
  'datacenter',
] as const;
const condition = new RegExp(
  `^(?:${searchFields.join('|')}) (?:(?:=|!=|<|<=|>|>=) [\\w./-]+|(?:in|notin) \\[[\\w./-]+(?:,[\\w./-]+)*\\])$`,
);

/** Values that Vast's parser of docker options cannot tear apart. */
const plainValue = z.string().regex(/^[^\s"'`$\\]*$/, { error: 'expected a value without blanks, quotes, dollar and backslash' });

const comparison = z.partialRecord(
  z.enum(['eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in', 'notin']),
  z.union([z.number(), z.string(), z.boolean(), z.array(z.union([z.number(), z.string()]))]),
);

const load = z.number().min(0).max(999_999);

export const TemplateSettings = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,64}$/)
    .describe("As shown in Vast's console."),
  desc: z.string().max(255).describe('For people, beside the name.'),
  image: z
    .string()
    .regex(/^[a-z0-9.-]+(?:\/[a-z0-9._-]+)+$/, { error: 'expected a repository with its registry, without a tag' })
    .describe("Without a tag: that is the service's version."),
  docker_login: z
    .strictObject({
      repo: z
        .string()
        .regex(/^[a-z0-9.-]+$/)
        .describe('Host of the registry, such as ghcr.io.'),
      user: z.string().min(1).describe('Who logs in. The password is a secret: whoever creates the template adds it.'),
    })
    .optional()
    .describe('For an image that is not public.'),
  env: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), plainValue)
    .describe('Environment of the container. No secrets: those are account-level variables of Vast.'),
  ports: z
    .array(z.int().min(1).max(65_535))
    .min(1)
    .max(64)
    .describe("TCP ports that get a public port each; the worker's own is one of them."),
  recommended_disk_space: z
    .int()
    .min(10)
    .max(2_000)
    .describe("GB of disk: image, model and cache. Vast's default of 8 is too small for nearly every model."),
  extra_filters: z.partialRecord(z.enum(searchFields), comparison).describe('Offers that the template runs on; memory in MB.'),
});

export const EndpointSettings = z.strictObject({
  endpoint_name: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,255}$/)
    .describe('What clients ask the router for.'),
  min_load: load.describe('Load per second to be ready for at any time; above 0 keeps at least one worker active.'),
  min_cold_load: load.describe('Load per second that all workers together, stopped ones included, should be able to do.'),
  target_util: z.number().gt(0).max(1).describe('Share of the active capacity to use: load / target_util is held active.'),
  cold_mult: z.number().min(1).max(100).describe('All capacity, stopped included, as a multiple of the active one.'),
  cold_workers: z.int().min(0).max(1_000).describe('Workers with the model on their disk, at least; stopped ones cost their disk alone.'),
  max_workers: z.int().min(1).max(1_000).describe('Workers at most: what this endpoint can cost.'),
  max_queue_time: z.number().positive().max(3_600).describe('Seconds of queue at which the router counts a worker as full.'),
  target_queue_time: z.number().positive().max(3_600).describe('Seconds of queue over all workers at which it scales up hard.'),
  inactivity_timeout: z.int().min(-1).max(604_800).describe('Seconds without traffic until no worker need be active; negative: never.'),
});

export const WorkergroupSettings = z.strictObject({
  search_params: z
    .array(z.string().regex(condition, { error: 'expected a field, an operator and a value, such as gpu_ram >= 23' }))
    .min(1)
    .describe('One condition each, such as `gpu_name in [RTX_4090,L40S]`; memory in GB. All of them hold.'),
  gpu_ram: z.number().positive().max(10_000).describe("GB of GPU memory, for Vast's estimate of sizes; filters nothing."),
  test_workers: z.int().min(1).max(20).describe('Workers started to learn how fast they are. Each costs.'),
});

export const VastJson = z.strictObject({
  $schema: z.literal('../../packages/vast-deploy/vast.schema.json').describe('For editors.'),
  template: TemplateSettings.describe('What runs.'),
  endpoint: EndpointSettings.describe('How many workers, and for whom.'),
  workergroup: WorkergroupSettings.describe('On which machines.'),
});
export type VastJson = z.infer<typeof VastJson>;

/** For editors. */
export const vastJsonSchema = (): object => ({
  title: 'vast.json',
  description: 'What a service is on Vast.ai Serverless: template, endpoint and workergroup.',
  ...z.toJSONSchema(VastJson),
});
