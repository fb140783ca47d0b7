import { medianOf, medianOfPairs, type Results } from './results.ts';

/** What the worker has to reach. All are ratios or differences within one run, but for memory and the start. */
export interface Check {
  what: string;
  /** undefined: not measured in this run. */
  value: number | undefined;
  atMost: number;
}

export const isMet = ({ value, atMost }: Check) => value === undefined || value <= atMost;

export function checkBar(results: Results): Check[] {
  const figure = (scenario: string, target: string, name: string) => medianOf(results, scenario, target, name);
  const ratio = (scenario: string, name: string, to: string, of = 'worker') =>
    medianOfPairs(results, scenario, name, [of, to], (a, b) => a / b);
  const added = (scenario: string, name: string) => medianOfPairs(results, scenario, name, ['worker', 'direct'], (a, b) => a - b);
  const cpu = 'CPU ms per 1000';
  const streams = ['streams-100', 'streams-500'].flatMap((name): Check[] => [
    { what: `${name}: CPU per event, worker / floor`, value: ratio(name, 'CPU ms per 1000 events', 'floor'), atMost: 1.1 },
    { what: `${name}: added to the first event, p50 ms`, value: added(name, 'first event p50 ms'), atMost: 1 },
    { what: `${name}: added to the first event, p99 ms`, value: added(name, 'first event p99 ms'), atMost: 5 },
    { what: `${name}: added to each event, p99 ms`, value: added(name, 'event p99 ms'), atMost: 3 },
    { what: `${name}: streams that ended early`, value: figure(name, 'worker', 'ended early'), atMost: 0 },
  ]);
  return [
    { what: 'small: CPU, worker / floor', value: ratio('small', cpu, 'floor'), atMost: 1.2 },
    { what: 'small: CPU, worker / official', value: ratio('small', cpu, 'official'), atMost: 1 / 20 },
    { what: 'one: added latency, p50 ms', value: added('one', 'p50 ms'), atMost: 0.3 },
    { what: 'one: added latency, p99 ms', value: added('one', 'p99 ms'), atMost: 1.5 },
    { what: 'open: added latency, p50 ms', value: added('open', 'p50 ms'), atMost: 0.5 },
    { what: 'open: added latency, p99 ms', value: added('open', 'p99 ms'), atMost: 3 },
    { what: 'large: CPU, worker / floor', value: ratio('large', cpu, 'floor'), atMost: 1.3 },
    { what: 'large: longest hold of the event loop by one request, ms', value: figure('large', 'worker', 'loop held ms'), atMost: 10 },
    ...streams,
    { what: 'aborts: from leaving to the model server, p99 ms', value: figure('aborts', 'worker', 'p99 ms'), atMost: 10 },
    { what: 'aborts: never seen', value: figure('aborts', 'worker', 'never seen'), atMost: 0 },
    { what: 'memory: idle, MB', value: figure('memory', 'worker', 'idle MB'), atMost: 80 },
    { what: 'memory: most under load, MB', value: figure('memory', 'worker', 'peak MB'), atMost: 120 },
    { what: 'memory: growth over a million requests', value: figure('million', 'worker', 'growth'), atMost: 1.05 },
    { what: 'memory: KB per open stream', value: figure('memory', 'worker', 'KB per open stream'), atMost: 40 },
    { what: 'memory: of 5,000 open streams ended early', value: figure('memory', 'worker', 'ended early'), atMost: 0 },
    { what: 'start: listening, ms', value: figure('start', 'agent-brain', 'listening ms'), atMost: 250 },
    { what: 'start: ready reported, ms', value: figure('start', 'agent-brain', 'ready reported after ms'), atMost: 1_000 },
    { what: 'logs: CPU, with / without', value: ratio('small', cpu, 'worker-without-logs'), atMost: 1.05 },
    { what: 'metrics: CPU, with / without', value: ratio('small', cpu, 'worker-without-metrics'), atMost: 1.05 },
    { what: 'tracing: CPU, with / without', value: ratio('small', cpu, 'worker', 'worker-with-traces'), atMost: 1.05 },
    { what: 'build: unchanged, ms', value: figure('build', 'turbo', 'unchanged build ms'), atMost: 2_000 },
  ];
}
