import { signatureForms } from '@bluefly/vast-protocol';
import { z } from 'zod';
import { urlChecks } from '../domain/grant-binding.ts';
import { ConfigError, type ConfigProblem } from '../errors.ts';
import { type Environment, httpUrlFrom, readEnvironment } from './environment.ts';
import { type Handler, HandlerConfig } from './handler-config.ts';
import { ModelServerConfig, type SupervisedModelServer, superviseFrom } from './model-server-config.ts';

/** What a service writes, joined with what the machine says. The environment wins: it belongs to whoever operates. */

const logPattern = z.union([z.string().min(1), z.instanceof(RegExp)], { error: 'expected a text or a RegExp' });

export const LogActionConfig = z.strictObject({
  /** A line that matches: the model is loaded. */
  onLoad: z.array(logPattern).default([]),
  /** A line that matches before the worker is ready: the start has failed. */
  onError: z.array(logPattern).default([]),
  /** A line that matches is progress, and logged as such. */
  onInfo: z.array(logPattern).default([]),
});
export type LogActionConfig = z.input<typeof LogActionConfig>;

const isServerUrl = (text: string) => httpUrlFrom(text) !== undefined;
const port = z.int().min(0).max(65_535);
const seconds = z.number().positive();

export const WorkerConfig = z.strictObject({
  /** Scheme and host of the model server, without a port. */
  modelServerUrl: z
    .string()
    .refine(isServerUrl, { error: 'expected an http(s) URL without port and path, such as http://127.0.0.1' })
    .optional(),
  modelServerPort: port.min(1).optional(),
  /** Ours. Started, watched and stopped by the worker; without it somebody else does that. */
  modelServer: ModelServerConfig.optional(),
  /** Where the model server writes its log, or is made to when the worker starts it. Without one, its health says when it is loaded. */
  modelLogFile: z.string().min(1).optional(),
  /** Path or URL; default /health. */
  modelHealthcheckUrl: z.string().min(1).optional(),
  workerPort: port.optional(),
  handlers: z.array(HandlerConfig).min(1),
  logActionConfig: LogActionConfig.prefault({}),
  /** Open sessions at most; null or 0: any number. */
  maxSessions: z.int().min(0).nullable().default(10),
  /** Ours. Seconds; longer lifetimes that clients ask for are cut to it. */
  maxSessionLifetime: seconds.default(3600),
  /** Ours. What the service itself found wrong with its settings, to be listed and reported with everything else. */
  serviceProblems: z.array(z.strictObject({ where: z.string(), expected: z.string(), found: z.string() })).default([]),
  /** Ours. What the service counts for itself, such as a prom-client `Registry`: its text follows the worker's own on `/metrics`. */
  serviceMetrics: z
    .custom<{ metrics(): Promise<string> }>((value) => typeof (value as { metrics?: unknown } | null)?.metrics === 'function', {
      error: 'expected a registry of prom-client',
    })
    .optional(),
  /** Ours. What one workload counts: every calculator of this worker uses it. */
  workloadUnit: z.string().min(1).default('items'),
  /** Ours. Load per second assumed until traffic has shown more; only for handlers that nothing can benchmark. */
  initialPerf: z.number().positive().default(100),
  /** Ours. Seconds the model server may take to load before the start counts as failed. */
  loadTimeout: seconds.default(3600),
  /** Ours. Seconds for one answer of the model server's health; in TEI it waits behind the running batch. */
  modelHealthTimeout: seconds.default(10),
  /** Ours. What the router signs; see `verify-grant`. */
  signatureForm: z.enum(signatureForms).optional(),
  /** Ours. Whether a grant must name this worker's own address. */
  urlCheck: z.enum(urlChecks).optional(),
  /** Ours. The only endpoint whose grants are good. */
  endpointName: z.string().min(1).optional(),
  /** Ours. Seconds a grant may be used again for, outside the session it opened. */
  replayWindow: z.number().min(0).optional(),
  /**
   * Ours. Seconds between the comments that keep a stream alive while it waits for its turn or its first token. 0: none.
   * With the first of them the answer has begun, as a 200; what goes wrong later is told in an event.
   */
  streamKeepAlive: z.number().min(0).optional(),
  /** Ours. Seconds for open requests to finish after SIGTERM. */
  drainTimeout: z.number().min(0).optional(),
  /** Ours. Bytes of a request body after decoding. */
  maxBodyBytes: z.int().min(1024).optional(),
  /** Ours. Levels of nesting in a request body. */
  maxBodyDepth: z.int().min(4).max(1000).default(64),
  /** Ours. Connections to the model server at once. */
  maxModelServerConnections: z.int().min(1).default(16_384),
  /** Ours. Seconds until the model server's first byte of an answer. */
  firstByteTimeout: seconds.default(600),
  /** Ours. Seconds between two pieces of an answer. */
  idleTimeout: seconds.default(300),
});
export type WorkerConfig = z.input<typeof WorkerConfig>;

/** Everything the worker needs to know, checked and complete. */
export interface ResolvedConfig extends Omit<z.output<typeof WorkerConfig>, keyof Environment | 'handlers'>, Environment {
  handlers: readonly Handler[];
  /** `http://127.0.0.1:8000` */
  modelServerOrigin: string;
  modelHealthUrl: string;
  /** True when the health URL was configured, and not assumed. */
  isHealthUrlConfigured: boolean;
  /** undefined: the model server is somebody else's to start. */
  supervised: SupervisedModelServer | undefined;
}

/**
 * Reads and checks options and environment.
 * @throws ConfigError with every problem of both, in the words of whoever has to mend it.
 */
export function loadConfig(config: WorkerConfig, env: NodeJS.ProcessEnv): ResolvedConfig {
  const problems: ConfigProblem[] = [];
  const parsed = WorkerConfig.safeParse(config);
  if (!parsed.success) problems.push(...optionProblems(parsed.error, config));
  const options = parsed.success ? parsed.data : undefined;
  const environment = readEnvironment(env, {
    startsModelServer: options?.modelServer !== undefined,
    workerPort: asPort(config, 'workerPort'),
    modelServerUrl: asText(config, 'modelServerUrl'),
    modelServerPort: asPort(config, 'modelServerPort'),
    modelHealthcheckUrl: asText(config, 'modelHealthcheckUrl'),
    modelLogFile: asText(config, 'modelLogFile'),
    signatureForm: options?.signatureForm,
    urlCheck: options?.urlCheck,
    endpointName: options?.endpointName,
    replayWindow: options?.replayWindow,
    streamKeepAlive: options?.streamKeepAlive,
    drainTimeout: options?.drainTimeout,
    maxBodyBytes: options?.maxBodyBytes,
  });
  problems.push(...environment.problems);
  if (options) problems.push(...options.serviceProblems, ...handlerProblems(options.handlers));
  if (!options || problems.length > 0) throw new ConfigError(problems);
  const { values } = environment;
  const modelServerOrigin = originOf(values.modelServerUrl, values.modelServerPort);
  return {
    ...options,
    ...values,
    modelServerOrigin,
    modelHealthUrl: new URL(values.modelHealthcheckUrl ?? '/health', modelServerOrigin).href,
    isHealthUrlConfigured: values.modelHealthcheckUrl !== undefined,
    supervised: superviseFrom(options.modelServer, values.modelServerCommand, values, env),
  };
}

/** Rules that one handler alone cannot break. */
function handlerProblems(handlers: readonly Handler[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const seen = new Set<string>();
  for (const [index, { route }] of handlers.entries()) {
    if (seen.has(route)) {
      problems.push({ where: `option handlers[${index}].route`, expected: 'a route of its own', found: `${route} again` });
    }
    if (reservedPaths.has(route)) {
      problems.push({ where: `option handlers[${index}].route`, expected: 'a path the worker does not serve itself', found: route });
    }
    seen.add(route);
  }
  const benchmarked = handlers.filter((handler) => handler.benchmarkConfig !== undefined);
  if (benchmarked.length > 1) {
    problems.push({
      where: 'option handlers',
      expected: 'one handler with a benchmarkConfig at most (the worker reports one perf)',
      found: benchmarked.map(({ route }) => route).join(', '),
    });
  }
  return problems;
}

const reservedPaths = new Set([
  '/health',
  '/metrics',
  '/metrics/model',
  '/pyworker/update',
  '/session/create',
  '/session/get',
  '/session/health',
  '/session/end',
]);

function optionProblems(error: z.ZodError, config: unknown): ConfigProblem[] {
  return error.issues.map((issue) => ({
    where: issue.path.length > 0 ? `option ${optionPath(issue.path)}` : 'the options',
    expected: expectation(issue),
    found: describe(valueAt(config, issue.path)),
  }));
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `no key named ${issue.keys.join(', ')}`;
  return issue.message.replace(/^.*?\bexpected /, '');
}

const optionPath = (path: readonly PropertyKey[]) =>
  path.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`)).join('');

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root);
}

/** Short, and never a whole object: options may hold secrets further down. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return value.length > 60 ? `a text of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const asText = (config: WorkerConfig, key: keyof WorkerConfig) => {
  const value = config?.[key];
  return typeof value === 'string' ? value : undefined;
};
const asPort = (config: WorkerConfig, key: keyof WorkerConfig) => {
  const value = config?.[key];
  return typeof value === 'number' ? value : undefined;
};

function originOf(url: string, serverPort: number): string {
  const origin = new URL(url);
  origin.port = String(serverPort);
  return origin.origin;
}
