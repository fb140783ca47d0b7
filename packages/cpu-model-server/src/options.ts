import { basename } from 'node:path';

/** The options of the server: those of the server it stands in for where there are such, and ours for developing against trouble. */

export type Dialect = 'tei' | 'vllm';
export type ModelKind = 'embedding' | 'reranker' | 'generation';

/** The first one is the default. */
const kindsOf: Record<Dialect, readonly ModelKind[]> = { tei: ['embedding', 'reranker'], vllm: ['generation'] };

const dtypes = ['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'q4f16', 'bnb4'] as const;
const poolings = ['mean', 'cls', 'last-token'] as const;

export interface ModelServerOptions {
  dialect: Dialect;
  modelKind: ModelKind;
  engine: 'lexical' | 'onnx';
  /** onnx: a hub's id, or a folder of this machine. */
  modelId: string | undefined;
  /** onnx: undefined takes the library's own hub. */
  hubUrl: string | undefined;
  /** onnx: undefined takes a folder below the home folder. */
  modelCache: string | undefined;
  /** onnx: which of the model's files. */
  dtype: (typeof dtypes)[number];
  /** onnx: undefined as the model says. */
  pooling: (typeof poolings)[number] | undefined;
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  dimensions: number;
  servedModelName: string;
  maxConcurrentRequests: number;
  maxBatchTokens: number;
  maxClientBatchSize: number;
  maxInputLength: number;
  autoTruncate: boolean;
  payloadLimit: number;
  /** vllm: tokens of prompt and answer together. */
  maxModelLen: number;
  /** vllm: requests that run at once; the others wait. */
  maxNumSeqs: number;
  /** vllm: seconds for what is in flight at the stop. */
  shutdownTimeout: number;
  /** vllm: seconds between lines of statistics. */
  logStatsInterval: number;
  apiKey: string | undefined;
  jsonOutput: boolean;
  logFile: string | undefined;
  startupDelayMs: number;
  latencyPerItemMs: number;
  latencyPerTokenUs: number;
  failRate: number;
  failSeed: number;
  failAfter: number | undefined;
  hangAfter: number | undefined;
  crashAfter: number | undefined;
  crashOnStart: boolean;
  engineDeathAfter: number | undefined;
  watchdogMs: number;
  oom: 'never' | 'at-load' | 'at-run';
}

interface OptionDoc {
  flag: string;
  /** Read when the flag is absent. */
  variable?: string;
  /** Its name with vLLM, if that is another. */
  vllmVariable?: string;
  /** The only one that has it. */
  dialect?: Dialect;
  /** The only one that has it. */
  engine?: ModelServerOptions['engine'];
  value: string;
  fallback: string;
  meaning: string;
}

export const optionDocs: readonly OptionDoc[] = [
  { flag: '--dialect', value: 'tei | vllm', fallback: 'tei', meaning: 'whose HTTP API to speak' },
  {
    flag: '--model-kind',
    value: 'embedding | reranker | generation',
    fallback: 'embedding; vllm: generation',
    meaning: 'what the one model of this process does',
  },
  {
    flag: '--engine',
    value: 'lexical | onnx',
    fallback: 'lexical',
    meaning: 'what computes; `onnx` needs a package that is installed apart',
  },
  {
    flag: '--model-id',
    engine: 'onnx',
    variable: 'MODEL_ID',
    value: 'text',
    fallback: 'none',
    meaning: 'onnx: a model of the hub, or a folder of this machine',
  },
  { flag: '--dtype', engine: 'onnx', value: dtypes.join(' | '), fallback: 'fp32', meaning: "onnx: which of the model's files" },
  {
    flag: '--pooling',
    engine: 'onnx',
    dialect: 'tei',
    value: poolings.join(' | '),
    fallback: 'as the model says, else mean',
    meaning: 'onnx: how vectors of tokens become one',
  },
  {
    flag: '--hub-url',
    engine: 'onnx',
    variable: 'HF_ENDPOINT',
    value: 'url without a password',
    fallback: "the library's",
    meaning: 'onnx: the hub',
  },
  {
    flag: '--model-cache',
    engine: 'onnx',
    value: 'path',
    fallback: '~/.cache/cpu-model-server',
    meaning: 'onnx: where downloaded models are kept',
  },
  { flag: '--hostname', value: 'address', fallback: '127.0.0.1', meaning: 'where to listen (TEI, vLLM: 0.0.0.0)' },
  { flag: '--port', variable: 'PORT', value: 'port', fallback: '8000', meaning: 'port; 0 takes a free one' },
  { flag: '--dimensions', dialect: 'tei', engine: 'lexical', value: 'number', fallback: '384', meaning: 'length of an embedding' },
  {
    flag: '--served-model-name',
    variable: 'SERVED_MODEL_NAME',
    value: 'text',
    fallback: 'bluefly/lexical-<dimensions>; vllm: bluefly/lexical; onnx: the model',
    meaning: 'name in answers',
  },
  {
    flag: '--max-concurrent-requests',
    dialect: 'tei',
    variable: 'MAX_CONCURRENT_REQUESTS',
    value: 'number',
    fallback: '512',
    meaning: 'permits, one per input item; 429 beyond',
  },
  {
    flag: '--max-batch-tokens',
    dialect: 'tei',
    variable: 'MAX_BATCH_TOKENS',
    value: 'number',
    fallback: '16384',
    meaning: 'tokens of one batch',
  },
  {
    flag: '--max-client-batch-size',
    dialect: 'tei',
    variable: 'MAX_CLIENT_BATCH_SIZE',
    value: 'number',
    fallback: '32',
    meaning: 'items of one request',
  },
  { flag: '--max-input-length', dialect: 'tei', value: 'number', fallback: '512', meaning: 'tokens of one item, special ones included' },
  {
    flag: '--auto-truncate',
    dialect: 'tei',
    variable: 'AUTO_TRUNCATE',
    value: 'true | false',
    fallback: 'true',
    meaning: 'cut items that are too long',
  },
  {
    flag: '--payload-limit',
    variable: 'PAYLOAD_LIMIT',
    value: 'bytes',
    fallback: '2000000; vllm: 67108864',
    meaning: 'bytes of a request body (vLLM has no limit)',
  },
  { flag: '--max-model-len', dialect: 'vllm', value: 'number', fallback: '32768', meaning: 'tokens of prompt and answer together' },
  {
    flag: '--max-num-seqs',
    dialect: 'vllm',
    value: 'number',
    fallback: '256; onnx: 4',
    meaning: 'answers in the making at once; the others wait',
  },
  {
    flag: '--shutdown-timeout',
    dialect: 'vllm',
    value: 'seconds',
    fallback: '0',
    meaning: 'for what is in flight at the stop; then it is aborted',
  },
  {
    flag: '--log-stats-interval',
    dialect: 'vllm',
    variable: 'VLLM_LOG_STATS_INTERVAL',
    value: 'seconds',
    fallback: '10',
    meaning: 'between lines of statistics, unless idle',
  },
  {
    flag: '--api-key',
    variable: 'API_KEY',
    vllmVariable: 'VLLM_API_KEY',
    value: 'text',
    fallback: 'none',
    meaning: 'bearer token that POSTs and /info need (vllm: paths under /v1)',
  },
  { flag: '--json-output', dialect: 'tei', variable: 'JSON_OUTPUT', value: '', fallback: 'off', meaning: 'log as JSON lines' },
  { flag: '--log-file', value: 'path', fallback: 'none', meaning: 'append log lines to a file as well' },
  { flag: '--startup-delay-ms', value: 'ms', fallback: '0', meaning: 'trouble: loading takes this long' },
  {
    flag: '--latency-per-item-ms',
    value: 'ms',
    fallback: '0',
    meaning: 'trouble: time of the back end per item (vllm: before the first token)',
  },
  {
    flag: '--latency-per-token-us',
    value: 'µs',
    fallback: '0',
    meaning: 'trouble: time of the back end per token (vllm: per token of the answer)',
  },
  { flag: '--fail-rate', value: '0 to 1', fallback: '0', meaning: 'trouble: share of batches that fail with 424 (vllm: requests, 500)' },
  { flag: '--fail-seed', value: 'number', fallback: '1', meaning: 'trouble: which batches fail' },
  { flag: '--fail-after', value: 'number', fallback: 'never', meaning: 'trouble: every batch (vllm: request) after so many fails' },
  { flag: '--hang-after', value: 'number', fallback: 'never', meaning: 'trouble: after so many requests nothing is answered any more' },
  { flag: '--crash-after', value: 'number', fallback: 'never', meaning: 'trouble: the process aborts (134) at this request' },
  { flag: '--crash-on-start', value: '', fallback: 'off', meaning: 'trouble: the start fails, exit 1' },
  {
    flag: '--engine-death-after',
    dialect: 'vllm',
    value: 'number',
    fallback: 'never',
    meaning: 'trouble: the engine dies during the request after so many; 500, then exit 0',
  },
  {
    flag: '--watchdog-ms',
    dialect: 'vllm',
    value: 'ms',
    fallback: '5000',
    meaning: 'trouble: from the death of the engine to the end of the process',
  },
  {
    flag: '--oom',
    value: 'never | at-load | at-run',
    fallback: 'never',
    meaning: 'trouble: out of memory, fatal at load, 424 at run (vllm: death of the engine)',
  },
];

export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

/** @throws OptionsError naming every option that is wrong */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): ModelServerOptions | 'help' {
  const problems: string[] = [];
  const flags = parseFlags(args, problems);
  if (flags.help === true) return 'help';

  let dialect: Dialect = 'tei';
  let engine: ModelServerOptions['engine'] = 'lexical';
  /** Variables of the other dialect and engine are none of our business. */
  const variableOf = (doc: OptionDoc) => {
    if ((doc.dialect && doc.dialect !== dialect) || (doc.engine && doc.engine !== engine)) return undefined;
    return dialect === 'vllm' ? (doc.vllmVariable ?? doc.variable) : doc.variable;
  };
  function read<Value>(flag: string, fallback: Value, parse: (text: string) => Value | undefined): Value {
    const doc = docOf(`--${flag}`) as OptionDoc;
    const given = flags[flag];
    const variable = variableOf(doc);
    const text = typeof given === 'string' ? given : variable ? env[variable] : undefined;
    if (text === undefined || text === '') return fallback;
    const value = parse(text);
    if (value !== undefined) return value;
    problems.push(
      `${typeof given === 'string' ? doc.flag : `environment variable ${variable}`}: expected ${doc.value}, found ${JSON.stringify(text)}`,
    );
    return fallback;
  }
  const whole = (flag: string, fallback: number, minimum = 0) => read(flag, fallback, numberFrom(minimum, true));
  const optionalWhole = (flag: string) => read<number | undefined>(flag, undefined, numberFrom(0, true));
  const number = (flag: string, fallback: number, maximum?: number) => read(flag, fallback, numberFrom(0, false, maximum));
  /** The first of `names` is the default. */
  const oneOf = <Name extends string>(flag: string, names: readonly Name[], known = names) =>
    read<Name>(flag, names[0] as Name, (text) => known.find((name) => name === text));

  dialect = oneOf<Dialect>('dialect', ['tei', 'vllm']);
  const isTei = dialect === 'tei';
  const dimensions = whole('dimensions', 384, 8);
  engine = oneOf('engine', ['lexical', 'onnx']);
  const modelId = read<string | undefined>('model-id', undefined, (text) => text);
  if (engine === 'onnx' && modelId === undefined) problems.push('--model-id: expected a model with --engine onnx, found none');
  const lexicalName = isTei ? `bluefly/lexical-${dimensions}` : 'bluefly/lexical';
  const options: ModelServerOptions = {
    dialect,
    modelKind: oneOf<ModelKind>('model-kind', kindsOf[dialect], allKinds),
    engine,
    modelId,
    hubUrl: read<string | undefined>('hub-url', undefined, urlFrom),
    modelCache: read<string | undefined>('model-cache', undefined, (text) => text),
    dtype: oneOf('dtype', dtypes),
    pooling: read<ModelServerOptions['pooling']>('pooling', undefined, (text) => poolings.find((name) => name === text)),
    hostname: read('hostname', '127.0.0.1', (text) => text),
    port: read('port', 8000, numberFrom(0, true, 65_535)),
    dimensions,
    servedModelName: read('served-model-name', modelId === undefined ? lexicalName : nameOf(modelId), (text) => text),
    maxConcurrentRequests: whole('max-concurrent-requests', 512, 1),
    maxBatchTokens: whole('max-batch-tokens', 16_384, 1),
    maxClientBatchSize: whole('max-client-batch-size', 32, 1),
    maxInputLength: whole('max-input-length', 512, 3),
    autoTruncate: read('auto-truncate', true, truthFrom),
    payloadLimit: whole('payload-limit', isTei ? 2_000_000 : 64 * 1024 * 1024, 1),
    maxModelLen: whole('max-model-len', 32_768, 1),
    maxNumSeqs: whole('max-num-seqs', engine === 'onnx' ? 4 : 256, 1),
    shutdownTimeout: number('shutdown-timeout', 0),
    logStatsInterval: read('log-stats-interval', 10, numberFrom(0.001, false)),
    apiKey: read<string | undefined>('api-key', undefined, (text) => text),
    jsonOutput: flags['json-output'] === true || read('json-output', false, truthFrom),
    logFile: read<string | undefined>('log-file', undefined, (text) => text),
    startupDelayMs: number('startup-delay-ms', 0),
    latencyPerItemMs: number('latency-per-item-ms', 0),
    latencyPerTokenUs: number('latency-per-token-us', 0),
    failRate: number('fail-rate', 0, 1),
    failSeed: whole('fail-seed', 1),
    failAfter: optionalWhole('fail-after'),
    hangAfter: optionalWhole('hang-after'),
    crashAfter: optionalWhole('crash-after'),
    crashOnStart: flags['crash-on-start'] === true,
    engineDeathAfter: optionalWhole('engine-death-after'),
    watchdogMs: number('watchdog-ms', 5_000),
    oom: oneOf('oom', ['never', 'at-load', 'at-run']),
  };
  for (const doc of optionDocs) {
    if (flags[doc.flag.slice(2)] === undefined) continue;
    if (doc.dialect && doc.dialect !== dialect) problems.push(`${doc.flag}: needs --dialect ${doc.dialect}, found --dialect ${dialect}`);
    if (doc.engine && doc.engine !== engine) problems.push(`${doc.flag}: needs --engine ${doc.engine}, found --engine ${engine}`);
  }
  const misfit = kindProblem(options);
  if (misfit) problems.push(misfit);
  if (problems.length > 0) throw new OptionsError(`${problems.join('\n')}\nTry --help.`);
  return options;
}

/** What the options are when only these are given. */
export function defaultOptions({ dialect = 'tei', engine = 'lexical', modelId }: Partial<ModelServerOptions>): ModelServerOptions {
  const model = modelId === undefined ? [] : [`--model-id=${modelId}`];
  return readOptions([`--dialect=${dialect}`, `--engine=${engine}`, ...model], {}) as ModelServerOptions;
}

/** Folders are not named in answers in full. */
const nameOf = (model: string): string => (/^[./]/.test(model) ? basename(model) : model);

const allKinds = Object.values(kindsOf).flat();

/** One process speaks one dialect for one kind of model; not every kind goes with every dialect. */
export function kindProblem({ dialect, modelKind }: ModelServerOptions): string | undefined {
  if (kindsOf[dialect].includes(modelKind)) return undefined;
  return `--model-kind: expected ${kindsOf[dialect].join(' | ')} with --dialect ${dialect}, found "${modelKind}"`;
}

export function helpText(): string {
  const width = Math.max(...optionDocs.map(({ flag, value }) => flag.length + value.length)) + 2;
  const lines = optionDocs.map(({ flag, value, fallback, meaning, variable, vllmVariable }) => {
    const left = `  ${`${flag} ${value}`.trimEnd().padEnd(width)}`;
    return `${left} ${meaning} (default ${fallback}${variable ? `; variable ${variable}${vllmVariable ? `, vllm: ${vllmVariable}` : ''}` : ''})`;
  });
  return [
    'cpu-model-server: a model server on the CPU behind the HTTP API of text-embeddings-inference or vLLM.',
    'The engine lexical (hashed n-grams, BM25, sentences of the prompt) has no weights, no download, and is not a neural model;',
    'the engine onnx runs real models.',
    '',
    ...lines,
    '',
  ].join('\n');
}

type Flags = Record<string, string | true>;

/** Every flag by its name without dashes. What is wrong with the command line goes to `problems`, all of it. */
function parseFlags(args: readonly string[], problems: string[]): Flags {
  const flags: Flags = {};
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [name, inline] = splitOnce(arg, '=');
    const doc = docOf(name);
    const next = rest[0]?.startsWith('-') === false ? rest[0] : undefined;
    if (arg === '--help' || arg === '-h') flags.help = true;
    else if (!arg.startsWith('-')) problems.push(`${JSON.stringify(arg)}: expected an option, such as --port`);
    else if (!doc) problems.push(`${name}: no such option`);
    else if (doc.value === '' && inline !== undefined) problems.push(`${name}: takes no value`);
    else if (doc.value !== '' && (inline ?? next) === undefined) problems.push(missingValue(doc));
    else flags[name.slice(2)] = doc.value === '' ? true : ((inline ?? next) as string);
    const hasTakenNext = inline === undefined && next !== undefined && name.startsWith('-') && doc?.value !== '';
    if (hasTakenNext) rest.shift(); // what follows an unknown option is most likely its value
  }
  return flags;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const place = text.indexOf(separator);
  return place === -1 ? [text, undefined] : [text.slice(0, place), text.slice(place + 1)];
}

const missingValue = ({ flag, value }: OptionDoc) =>
  `${flag}: expected ${value}, found none (one that begins with a dash is written ${flag}=-…)`;

const docOf = (flag: string) => optionDocs.find((option) => option.flag === flag);

function numberFrom(minimum: number, isWhole: boolean, maximum = Number.MAX_SAFE_INTEGER) {
  return (text: string): number | undefined => {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= minimum && value <= maximum && (!isWhole || Number.isInteger(value));
    return fits ? value : undefined;
  };
}

/** Without a name and password: it is shown in logs. */
function urlFrom(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { username, password } = new URL(text);
  return username === '' && password === '' ? text : undefined;
}

const truthFrom = (text: string) => (text === 'true' ? true : text === 'false' ? false : undefined);
