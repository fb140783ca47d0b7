import { describe, expect, it } from 'vitest';
import { readLogLine } from './log-lines.ts';

const rules = {
  onLoad: ['Application startup complete', /http::server: .*: Ready$/],
  onError: ['RuntimeError', 'CUDA out of memory'],
  onInfo: ['Loading weights took'],
};

describe('log lines', () => {
  it.each([
    ['INFO:     Application startup complete.', { kind: 'model-loaded' }],
    ['(APIServer pid=1) INFO:     Application startup complete.\r', { kind: 'model-loaded' }],
    [
      '\u001b[2m2026-01-01T00:00:00.000000Z\u001b[0m \u001b[32m INFO\u001b[0m text_embeddings_router::http::server: router/src/http/server.rs:1881: Ready',
      { kind: 'model-loaded' },
    ],
    ['torch.OutOfMemoryError: CUDA out of memory. Tried to allocate', { kind: 'model-error', rule: 'CUDA out of memory' }],
    ['INFO Loading weights took 3.2 seconds', { kind: 'progress', rule: 'Loading weights took' }],
    ['somebody wrote: Ready', undefined],
    ['', undefined],
  ])('reads %j', (line, meaning) => {
    expect(readLogLine(line, rules)).toEqual(meaning);
  });

  it('does not stumble over a global RegExp that remembers where it was', () => {
    const global = { ...rules, onLoad: [/Ready/g] };
    expect(readLogLine('Ready', global)).toEqual({ kind: 'model-loaded' });
    expect(readLogLine('Ready', global)).toEqual({ kind: 'model-loaded' });
  });

  it('names the rule and never the line, which may hold customers’ words', () => {
    expect(JSON.stringify(readLogLine('RuntimeError: "my secret"', rules))).not.toContain('secret');
  });
});
