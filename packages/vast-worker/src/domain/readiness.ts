/** The phases of a worker's life and everything that changes them. */

export const phases = ['loading', 'benchmarking', 'confirming', 'ready', 'draining', 'failed'] as const;
export type Phase = (typeof phases)[number];

export type Signal =
  | 'model-loaded'
  | 'benchmark-passed'
  | 'health-confirmed'
  | 'model-failed'
  | 'model-back'
  | 'model-restarted'
  | 'drain-requested';

/** Rows are phases, cells are signals. An absent cell means: that signal changes nothing here. */
export const transitions: Record<Phase, Partial<Record<Signal, Phase>>> = {
  loading: { 'model-loaded': 'benchmarking', 'model-failed': 'failed', 'drain-requested': 'draining' },
  benchmarking: { 'benchmark-passed': 'confirming', 'model-failed': 'failed', 'drain-requested': 'draining' },
  confirming: { 'health-confirmed': 'ready', 'model-failed': 'failed', 'drain-requested': 'draining' },
  ready: { 'model-failed': 'failed', 'drain-requested': 'draining' },
  failed: { 'model-loaded': 'benchmarking', 'model-back': 'confirming', 'model-restarted': 'loading', 'drain-requested': 'draining' },
  draining: {},
};

export const advance = (phase: Phase, signal: Signal): Phase => transitions[phase][signal] ?? phase;

/** Not there yet, or not there again: the control plane is told no speed, so that it sends nobody. */
export const isLoading = (phase: Phase): boolean => phase === 'loading' || phase === 'benchmarking' || phase === 'confirming';
