import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, type Phase, phases, type Signal, transitions } from './readiness.ts';

const signals: Signal[] = [
  'model-loaded',
  'benchmark-passed',
  'health-confirmed',
  'model-failed',
  'model-back',
  'model-restarted',
  'drain-requested',
];

describe('readiness', () => {
  it('leads from loading to ready through benchmark and confirmation', () => {
    const path = (['model-loaded', 'benchmark-passed', 'health-confirmed'] as const).reduce<Phase>(advance, 'loading');
    expect(path).toBe('ready');
  });

  it('brings a failed worker back through confirming', () => {
    const path = (['model-failed', 'model-back', 'health-confirmed'] as const).reduce<Phase>(advance, 'ready');
    expect(path).toBe('ready');
  });

  it('begins anew when the model server is started again', () => {
    const path = (['model-failed', 'model-restarted', 'model-loaded', 'benchmark-passed', 'health-confirmed'] as const).reduce<Phase>(
      advance,
      'ready',
    );
    expect(path).toBe('ready');
    expect(advance('ready', 'model-restarted')).toBe('ready');
  });

  it('does not benchmark again when a load line comes twice', () => {
    expect(advance('ready', 'model-loaded')).toBe('ready');
    expect(advance('confirming', 'model-loaded')).toBe('confirming');
  });

  it('never leaves draining, and enters ready only from confirming', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...signals), { maxLength: 50 }), (sequence) => {
        let phase: Phase = 'loading';
        for (const signal of sequence) {
          const next = advance(phase, signal);
          if (phase === 'draining') expect(next).toBe('draining');
          if (next === 'ready' && phase !== 'ready') expect(phase).toBe('confirming');
          phase = next;
        }
      }),
    );
  });

  it('can be drained and can fail from everywhere but draining', () => {
    for (const phase of phases.filter((one) => one !== 'draining')) {
      expect(transitions[phase]['drain-requested']).toBe('draining');
      expect(advance(phase, 'model-failed')).toBe('failed');
    }
  });
});
