import { describe, expect, it } from 'vitest';
import { readOptions } from '../src/options.ts';

describe('options', () => {
  it('come from flags, then variables, then defaults', () => {
    expect(readOptions(['--port=1'], { PORT: '2' })).toMatchObject({ port: 1, hostname: '127.0.0.1' });
    expect(readOptions([], { PORT: '2' })).toMatchObject({ port: 2 });
    expect(readOptions(['-h', '--port', 'x'], {})).toBe('help');
  });

  it('have the defaults and variables of their dialect, and leave those of the other alone', () => {
    const env = { API_KEY: 'tei', VLLM_API_KEY: 'vllm', MAX_BATCH_TOKENS: 'x' };
    expect(readOptions(['--dialect', 'vllm'], env)).toMatchObject({
      modelKind: 'generation',
      servedModelName: 'bluefly/lexical',
      apiKey: 'vllm',
      payloadLimit: 67_108_864,
    });
    const defaults = { modelKind: 'embedding', servedModelName: 'bluefly/lexical-384', apiKey: 'tei', payloadLimit: 2_000_000 };
    expect(readOptions([], { ...env, MAX_BATCH_TOKENS: '' })).toMatchObject(defaults);
    expect(() => readOptions([], env)).toThrow('environment variable MAX_BATCH_TOKENS: expected number, found "x"');
  });
});
