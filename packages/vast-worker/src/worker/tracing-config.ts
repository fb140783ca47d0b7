import type { TracingConfig } from '../adapters/tracing.ts';
import type { ConfigProblem } from '../errors.ts';

/** Whether and where spans go: OpenTelemetry's own variables, as far as they concern a worker. */

/** What a span costs stands in docs/performance.md: of so many it does not show, at any rate of requests. */
const defaultSpansPerSecond = 100;
const defaultRatio = 1;

export const tracingVariables = [
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    expected: 'an http(s) URL',
    fallback: 'none: no tracing',
    meaning: 'collector of OTLP over HTTP; spans go to its /v1/traces, as JSON',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    expected: 'an http(s) URL',
    fallback: 'OTEL_EXPORTER_OTLP_ENDPOINT with /v1/traces',
    meaning: 'where spans go, as it stands',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    expected: 'name=value, separated by commas, values percent-encoded',
    fallback: 'none',
    meaning: 'headers for the collector, such as its key',
  },
  { name: 'OTEL_SERVICE_NAME', expected: 'a text', fallback: 'vast-worker', meaning: 'name of this service in traces' },
  {
    name: 'OTEL_TRACES_SAMPLER',
    expected:
      'always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio or parentbased_ratelimited',
    fallback: 'parentbased_ratelimited',
    meaning: 'which requests get a span; parentbased: a caller’s own decision counts first',
  },
  {
    name: 'OTEL_TRACES_SAMPLER_ARG',
    expected: 'a number: of traceidratio 0 to 1, of ratelimited above 0',
    fallback: `${defaultSpansPerSecond}; of traceidratio ${defaultRatio}`,
    meaning: 'share of traceidratio; spans a second of ratelimited, for requests that bring no trace of their own',
  },
  { name: 'OTEL_SDK_DISABLED', expected: 'true or false', fallback: 'false', meaning: 'true: no tracing, whatever else is set' },
] as const;

type Name = (typeof tracingVariables)[number]['name'];

type Rule = Pick<TracingConfig, 'ratio' | 'spansPerSecond' | 'followsParent'>;

const unlimited = Number.POSITIVE_INFINITY;
const parentBased = 'parentbased_';

/** @returns the variable that is wrong, when one is */
function ruleOf(sampler: string, argument: string | undefined): Rule | Name {
  const followsParent = sampler.startsWith(parentBased);
  const share = Number(argument || defaultRatio);
  const perSecond = Number(argument || defaultSpansPerSecond);
  switch (followsParent ? sampler.slice(parentBased.length) : sampler) {
    case 'always_on':
      return { ratio: 1, spansPerSecond: unlimited, followsParent };
    case 'always_off':
      return { ratio: 0, spansPerSecond: unlimited, followsParent };
    case 'traceidratio':
      return share >= 0 && share <= 1 ? { ratio: share, spansPerSecond: unlimited, followsParent } : 'OTEL_TRACES_SAMPLER_ARG';
    case 'ratelimited':
      if (!followsParent) return 'OTEL_TRACES_SAMPLER';
      return perSecond > 0 ? { ratio: 1, spansPerSecond: perSecond, followsParent } : 'OTEL_TRACES_SAMPLER_ARG';
    default:
      return 'OTEL_TRACES_SAMPLER';
  }
}

/** Reads the variables and lists every problem. Values are never shown: headers hold keys. */
export function readTracing(env: NodeJS.ProcessEnv): { tracing: TracingConfig | undefined; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const problem = (name: Name, found: string) => {
    const expected = tracingVariables.find((variable) => variable.name === name)?.expected ?? '';
    problems.push({ where: `environment variable ${name}`, expected, found });
    return undefined;
  };
  const urlOf = (name: Name, text: string) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url && /^https?:$/.test(url.protocol) ? url : problem(name, 'something else');
  };

  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return { tracing: undefined, problems };
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: exact, OTEL_EXPORTER_OTLP_ENDPOINT: base } = env;
  if (!exact && !base) return { tracing: undefined, problems };

  const url = exact ? urlOf('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', exact) : urlOf('OTEL_EXPORTER_OTLP_ENDPOINT', base as string);
  if (url && !exact) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  const headers = headersOf(env.OTEL_EXPORTER_OTLP_HEADERS ?? '') ?? problem('OTEL_EXPORTER_OTLP_HEADERS', 'something else');

  const rule = ruleOf(env.OTEL_TRACES_SAMPLER || `${parentBased}ratelimited`, env.OTEL_TRACES_SAMPLER_ARG);
  if (typeof rule === 'string') problem(rule, JSON.stringify(env[rule]));
  if (!url || !headers || typeof rule === 'string') return { tracing: undefined, problems };
  return { tracing: { url: url.href, headers, serviceName: env.OTEL_SERVICE_NAME || 'vast-worker', ...rule }, problems };
}

/** undefined: not of that form. */
function headersOf(text: string): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const pair of text.split(',').filter((one) => one.trim() !== '')) {
    const [, name, value] = /^\s*([\w.!#$%&'*+^`|~-]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    if (name === undefined || value === undefined) return undefined;
    try {
      headers[name.toLowerCase()] = decodeURIComponent(value);
    } catch {
      return undefined;
    }
  }
  return headers;
}
