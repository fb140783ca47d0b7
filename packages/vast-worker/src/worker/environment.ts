import { type SignatureForm, signatureForms } from '@bluefly/vast-protocol';
import type { TracingConfig } from '../adapters/tracing.ts';
import { type UrlCheck, urlChecks } from '../domain/grant-binding.ts';
import type { ConfigProblem } from '../errors.ts';
import { type DirectConfig, directVariables, readDirect } from './direct-config.ts';
import { type CommandOverride, commandFrom } from './model-server-config.ts';
import { readTracing, tracingVariables } from './tracing-config.ts';

/** The environment of a worker: Vast's variables, the mission's, and ours. One table, which the README repeats. */

export interface VariableDoc {
  name: string;
  /** What a value looks like. */
  expected: string;
  fallback: string;
  meaning: string;
}

export const environmentVariables: readonly VariableDoc[] = [
  {
    name: 'CONTAINER_ID',
    expected: 'a positive integer',
    fallback: 'standalone: reports to nobody',
    meaning: "Vast's container id, sent as `id` in every report",
  },
  { name: 'MASTER_TOKEN', expected: 'a text', fallback: 'empty', meaning: 'shared secret with the control plane, sent as `mtoken`' },
  {
    name: 'REPORT_ADDR',
    expected: 'http(s) URLs, separated by commas',
    fallback: 'required with CONTAINER_ID',
    meaning: 'where reports go and the public key comes from, tried in order',
  },
  {
    name: 'PUBLIC_IPADDR',
    expected: 'an IP address or host name',
    fallback: 'required with CONTAINER_ID',
    meaning: 'public address of the host, part of the reported `url`',
  },
  {
    name: 'VAST_TCP_PORT_<WORKER_PORT>',
    expected: 'a port',
    fallback: 'required with CONTAINER_ID',
    meaning: 'public port that the host maps to WORKER_PORT, part of the reported `url`',
  },
  {
    name: 'WORKER_PORT',
    expected: 'a port, 0 to 65535',
    fallback: '`workerPort`, else 3000',
    meaning: 'port of the main listener; 0 takes a free one',
  },
  {
    name: 'WORKER_HOST',
    expected: 'an address of this machine',
    fallback: 'all interfaces',
    meaning: 'address the main listener binds to',
  },
  {
    name: 'WORKER_HTTP_PORT',
    expected: 'a port, 0 to 65535',
    fallback: 'WORKER_PORT + 1 with CONTAINER_ID, else none',
    meaning: 'port where the model server may end sessions',
  },
  { name: 'WORKER_HTTP_HOST', expected: 'an address of this machine', fallback: '127.0.0.1', meaning: 'address of that port' },
  {
    name: 'USE_SSL',
    expected: 'true or anything else',
    fallback: 'false',
    meaning: 'exactly `true`: HTTPS, with the two files, or a certificate that Vast signs',
  },
  { name: 'SSL_CERT_FILE', expected: 'a file path', fallback: '/etc/instance.crt', meaning: 'certificate, PEM; reloaded when it changes' },
  { name: 'SSL_KEY_FILE', expected: 'a file path', fallback: '/etc/instance.key', meaning: 'its key, PEM' },
  {
    name: 'VAST_API_URL',
    expected: 'an http(s) URL',
    fallback: 'https://console.vast.ai/api/v0',
    meaning: 'whose `sign_cert` signs certificates',
  },
  {
    name: 'UNSECURED',
    expected: 'yes or no (y yes t true on 1, n no f false off 0)',
    fallback: 'no',
    meaning: 'skip signature verification; for laptops and trusted networks',
  },
  {
    name: 'SIGNATURE_FORM',
    expected: 'url, all-fields or legacy-2024',
    fallback: '`signatureForm`, else url',
    meaning: 'what the router signs; see verify-grant',
  },
  {
    name: 'URL_CHECK',
    expected: 'off, warn or enforce',
    fallback: '`urlCheck`, else warn',
    meaning: 'whether a grant must name this worker’s own address',
  },
  { name: 'ENDPOINT_NAME', expected: 'a text', fallback: '`endpointName`, else any', meaning: 'the only endpoint whose grants are good' },
  {
    name: 'REPLAY_WINDOW_SECONDS',
    expected: 'seconds',
    fallback: '`replayWindow`, else none: for ever',
    meaning: 'how long a grant may be used again, outside the session it opened',
  },
  {
    name: 'STREAM_KEEP_ALIVE_SECONDS',
    expected: 'seconds',
    fallback: '`streamKeepAlive`, else 0: none',
    meaning: 'between comments that keep a stream alive while it waits for its turn or its first token',
  },
  ...directVariables,
  ...tracingVariables,
  {
    name: 'MODEL_SERVER_URL',
    expected: 'an http(s) URL without a port',
    fallback: '`modelServerUrl`, else http://127.0.0.1',
    meaning: 'scheme and host of the model server',
  },
  {
    name: 'MODEL_SERVER_PORT',
    expected: 'a port, 1 to 65535',
    fallback: '`modelServerPort`, else 8000',
    meaning: 'port of the model server',
  },
  {
    name: 'MODEL_HEALTH_ENDPOINT',
    expected: 'a path or an http(s) URL',
    fallback: '`modelHealthcheckUrl`, else /health',
    meaning: "the model server's health",
  },
  {
    name: 'MODEL_LOG',
    expected: 'a file path',
    fallback: '`modelLogFile`, else none',
    meaning: "the model server's log file, read for `logActionConfig`",
  },
  {
    name: 'MODEL_SERVER_COMMAND',
    expected: 'words without quotes, a JSON list of texts, or none',
    fallback: '`modelServer`, else none: attach',
    meaning: 'command that starts the model server, with its arguments',
  },
  {
    name: 'MODEL_STATE_DIR',
    expected: 'a folder path',
    fallback: '/var/tmp/vast-worker',
    meaning: 'folder for the log and the identity of a model server that the worker starts; each worker needs its own',
  },
  {
    name: 'METRICS_TOKEN',
    expected: 'a text',
    fallback: 'none: anybody may read them',
    meaning: 'bearer token for /metrics, /metrics/model and the text of /health; others get a bare 200 or 503 from /health',
  },
  {
    name: 'HF_TOKEN',
    expected: 'a text',
    fallback: 'none',
    meaning:
      'for the model server, and for nobody else: in its environment when the worker starts it, and as a bearer token over loopback or https',
  },
  {
    name: 'REQUIRE_GPU',
    expected: 'yes or no (y yes t true on 1, n no f false off 0)',
    fallback: 'no',
    meaning: 'without a visible GPU the start fails, instead of a model server that runs on the CPU',
  },
  {
    name: 'MIN_FREE_DISK_GIB',
    expected: 'GiB',
    fallback: '1 with MODEL_SERVER_COMMAND or `modelServer`, else 0',
    meaning: 'with less free disk space the start fails',
  },
  { name: 'LOG_LEVEL', expected: 'trace, debug, info, warn, error, fatal or silent', fallback: 'info', meaning: 'what is logged' },
  {
    name: 'MAX_BODY_BYTES',
    expected: 'bytes, at least 1024',
    fallback: '`maxBodyBytes`, else 33554432 (32 MiB)',
    meaning: 'limit of a request body after decoding',
  },
  {
    name: 'DRAIN_TIMEOUT_SECONDS',
    expected: 'seconds',
    fallback: '`drainTimeout`, else 25',
    meaning: 'time for open requests to finish after SIGTERM',
  },
];

export interface Environment {
  /** undefined: standalone. */
  identity: { id: number; masterToken: string; url: string } | undefined;
  /** Base URLs without trailing slash. */
  reportAddresses: readonly string[];
  workerPort: number;
  /** undefined: all interfaces, IPv4 and IPv6. */
  workerHost: string | undefined;
  /** undefined: no internal port. */
  workerHttpPort: number | undefined;
  workerHttpHost: string;
  useSsl: boolean;
  certificateFiles: { certFile: string; keyFile: string };
  /** Without trailing slash. */
  vastApiUrl: string;
  isUnsecured: boolean;
  signatureForm: SignatureForm;
  urlCheck: UrlCheck;
  endpointName: string | undefined;
  /** Seconds. */
  replayWindow: number | undefined;
  streamKeepAlive: number | undefined;
  direct: DirectConfig;
  tracing: TracingConfig | undefined;
  modelServerUrl: string;
  modelServerPort: number;
  modelHealthcheckUrl: string | undefined;
  modelLogFile: string | undefined;
  /** undefined: as the options say. */
  modelServerCommand: CommandOverride | undefined;
  modelStateDir: string;
  requiresGpu: boolean;
  minFreeDiskGib: number;
  hfToken: string | undefined;
  metricsToken: string | undefined;
  /** undefined: each start measures. */
  perfCacheFile: string | undefined;
  answersCarryIds: boolean;
  logLevel: string;
  maxBodyBytes: number;
  /** Seconds. */
  drainTimeout: number;
}

export interface EnvironmentDefaults {
  /** The options say how to start the model server. */
  startsModelServer: boolean;
  signatureForm: SignatureForm | undefined;
  urlCheck: UrlCheck | undefined;
  endpointName: string | undefined;
  replayWindow: number | undefined;
  streamKeepAlive: number | undefined;
  workerPort: number | undefined;
  modelServerUrl: string | undefined;
  modelServerPort: number | undefined;
  modelHealthcheckUrl: string | undefined;
  modelLogFile: string | undefined;
  drainTimeout: number | undefined;
  maxBodyBytes: number | undefined;
}

/** Reads every variable and lists every problem. An empty variable counts as absent. */
export function readEnvironment(
  env: NodeJS.ProcessEnv,
  defaults: Partial<EnvironmentDefaults> = {},
): { values: Environment; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];

  function read<Value>(name: string, fallback: Value, parse: (text: string) => Value | undefined): Value {
    const text = env[name];
    if (text === undefined || text === '') return fallback;
    const value = parse(text);
    if (value !== undefined) return value;
    problems.push({ where: `environment variable ${name}`, expected: expectedOf(name), found: JSON.stringify(text) });
    return fallback;
  }
  function need<Value>(name: string, fallback: Value, parse: (text: string) => Value | undefined): Value {
    if (env[name]) return read(name, fallback, parse);
    problems.push({ where: `environment variable ${name}`, expected: `${expectedOf(name)} (CONTAINER_ID is set)`, found: 'nothing' });
    return fallback;
  }

  const workerPort = read('WORKER_PORT', defaults.workerPort ?? 3000, portFrom(0));
  const isUnsecured = read('UNSECURED', false, truthFrom);
  const useSsl = env.USE_SSL === 'true';
  const hasContainer = env.CONTAINER_ID !== undefined && env.CONTAINER_ID !== '';
  const requireIfReporting = hasContainer ? need : read;
  const modelServerCommand = read<CommandOverride | undefined>('MODEL_SERVER_COMMAND', undefined, commandFrom);
  const startsModelServer = modelServerCommand === undefined ? defaults.startsModelServer : modelServerCommand !== 'none';
  const id = read<number | undefined>('CONTAINER_ID', undefined, positiveIntegerFrom);
  const reportAddresses = requireIfReporting<readonly string[]>('REPORT_ADDR', [], addressesFrom);
  const address = requireIfReporting<string>('PUBLIC_IPADDR', '', textFrom);
  const publicPort = requireIfReporting(`VAST_TCP_PORT_${workerPort}`, 0, portFrom(1));

  const { direct, problems: directProblems } = readDirect(env);
  problems.push(...directProblems);
  const { tracing, problems: tracingProblems } = readTracing(env);
  problems.push(...tracingProblems);

  const values: Environment = {
    identity:
      id === undefined
        ? undefined
        : { id, masterToken: env.MASTER_TOKEN ?? '', url: `${useSsl ? 'https' : 'http'}://${address}:${publicPort}` },
    reportAddresses,
    workerPort,
    workerHost: read<string | undefined>('WORKER_HOST', undefined, textFrom),
    workerHttpPort: read<number | undefined>(
      'WORKER_HTTP_PORT',
      hasContainer ? (workerPort === 0 ? 0 : workerPort + 1) : undefined,
      portFrom(0),
    ),
    workerHttpHost: read('WORKER_HTTP_HOST', '127.0.0.1', textFrom),
    useSsl,
    certificateFiles: {
      certFile: read('SSL_CERT_FILE', '/etc/instance.crt', textFrom),
      keyFile: read('SSL_KEY_FILE', '/etc/instance.key', textFrom),
    },
    vastApiUrl: read('VAST_API_URL', 'https://console.vast.ai/api/v0', (text) => addressesFrom(text)?.[0]),
    isUnsecured,
    signatureForm: read<SignatureForm>('SIGNATURE_FORM', defaults.signatureForm ?? 'url', oneOf(signatureForms)),
    urlCheck: read<UrlCheck>('URL_CHECK', defaults.urlCheck ?? 'warn', oneOf(urlChecks)),
    endpointName: read<string | undefined>('ENDPOINT_NAME', defaults.endpointName, textFrom),
    replayWindow: read<number | undefined>('REPLAY_WINDOW_SECONDS', defaults.replayWindow, nonNegativeFrom),
    streamKeepAlive: read<number | undefined>('STREAM_KEEP_ALIVE_SECONDS', defaults.streamKeepAlive, nonNegativeFrom),
    direct,
    tracing,
    modelServerUrl: read('MODEL_SERVER_URL', defaults.modelServerUrl ?? 'http://127.0.0.1', httpUrlFrom),
    modelServerPort: read('MODEL_SERVER_PORT', defaults.modelServerPort ?? 8000, portFrom(1)),
    modelHealthcheckUrl: read('MODEL_HEALTH_ENDPOINT', defaults.modelHealthcheckUrl, pathOrUrlFrom),
    modelLogFile: read('MODEL_LOG', defaults.modelLogFile, textFrom),
    modelServerCommand,
    modelStateDir: read('MODEL_STATE_DIR', defaultStateDir, textFrom),
    requiresGpu: read('REQUIRE_GPU', false, truthFrom),
    minFreeDiskGib: read('MIN_FREE_DISK_GIB', startsModelServer ? 1 : 0, nonNegativeFrom),
    hfToken: read<string | undefined>('HF_TOKEN', undefined, textFrom),
    metricsToken: read<string | undefined>('METRICS_TOKEN', undefined, textFrom),
    perfCacheFile: read<string | undefined>('PERF_CACHE_FILE', hasContainer ? '/var/tmp/vast-worker-perf.json' : undefined, textFrom),
    answersCarryIds: read('ANSWER_IDS', true, truthFrom),
    logLevel: read('LOG_LEVEL', 'info', logLevelFrom),
    maxBodyBytes: read('MAX_BODY_BYTES', defaults.maxBodyBytes ?? 32 * 1024 * 1024, integerFrom(1024)),
    drainTimeout: read('DRAIN_TIMEOUT_SECONDS', defaults.drainTimeout ?? 25, nonNegativeFrom),
  };
  if (!isUnsecured && reportAddresses.length === 0 && !hasContainer) {
    problems.push({
      where: 'environment variable REPORT_ADDR',
      expected: 'an address to fetch the public key from, or UNSECURED=true to accept unsigned requests',
      found: 'nothing',
    });
  }
  return { values, problems };
}

/** For the report of a start that failed: what can be said even when other variables are wrong. */
export function readReportTarget(env: NodeJS.ProcessEnv): { id: number; masterToken: string; addresses: readonly string[] } | undefined {
  const id = positiveIntegerFrom(env.CONTAINER_ID ?? '');
  const addresses = (env.REPORT_ADDR ?? '').split(',').flatMap((item) => addressesFrom(item) ?? []);
  return id === undefined || addresses.length === 0 ? undefined : { id, masterToken: env.MASTER_TOKEN ?? '', addresses };
}

/** `supervise` and the worker it runs have to agree on it. */
export const defaultStateDir = '/var/tmp/vast-worker';

const logLevels = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

export const logLevelFrom = (text: string) => (logLevels.has(text) ? text : undefined);

function expectedOf(name: string): string {
  const known = environmentVariables.find((variable) => variable.name === name);
  return known?.expected ?? (name.startsWith('VAST_TCP_PORT_') ? 'a port, 1 to 65535' : 'a value');
}

const oneOf =
  <Name extends string>(names: readonly Name[]) =>
  (text: string): Name | undefined =>
    names.find((name) => name === text);

const textFrom = (text: string) => text.trim() || undefined;

function integerFrom(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  return (text: string): number | undefined => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    return value >= minimum && value <= maximum ? value : undefined;
  };
}
const portFrom = (minimum: 0 | 1) => integerFrom(minimum, 65_535);
const positiveIntegerFrom = integerFrom(1);

function nonNegativeFrom(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function truthFrom(text: string): boolean | undefined {
  if (/^(y|yes|t|true|on|1)$/i.test(text)) return true;
  return /^(n|no|f|false|off|0)$/i.test(text) ? false : undefined;
}

/** Scheme and host; a port would be in the way of MODEL_SERVER_PORT. */
export function httpUrlFrom(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.port !== '' || url.pathname !== '/' || url.search !== '') return undefined;
  return url.origin;
}

function addressesFrom(text: string): readonly string[] | undefined {
  const items = text.split(',').map((item) => item.trim().replace(/\/+$/, ''));
  const valid = items.every((item) => URL.canParse(item) && /^https?:$/.test(new URL(item).protocol));
  return valid ? items : undefined;
}

function pathOrUrlFrom(text: string): string | undefined {
  return text.startsWith('/') || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) ? text : undefined;
}
