import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnose, failureCatalogue } from '../src/domain/model-server-failures.ts';

const fixture = (file: string) => readFileSync(new URL(`../fixtures/${file}`, import.meta.url), 'utf8').split('\n');

describe('failures of model servers', () => {
  it.each([
    ['tei-oom-failure.plain.log', 'out of GPU memory'],
    ['tei-oom-warmup.json.log', 'out of GPU memory'],
    ['vllm-oom-failure.log', 'out of GPU memory'],
    ['vllm-kv-cache-too-small-failure.log', 'the context length needs more GPU memory than there is'],
    ['vllm-engine-crash.log', 'the GPU failed'],
    ['tei-start-ok.plain.log', undefined],
    ['tei-start-ok.jsonl', undefined],
    ['vllm-start-ok.log', undefined],
  ])('are known by the log %s', (file, reason) => {
    expect(diagnose(fixture(file))?.reason).toBe(reason);
  });

  it.each([
    ['Error: Could not bind TCP Listener on 0.0.0.0:80', 'its port is taken'],
    ['OSError: [Errno 98] Address already in use', 'its port is taken'],
    ['Error: listen EADDRINUSE: address already in use 127.0.0.1:8000', 'its port is taken'],
    ["Error: 'nvidia-smi' command not found.", 'the container has no GPU driver'],
    [
      'Runtime compute cap 89 is not compatible with compile time compute cap 90',
      'the image is built for GPUs of another compute capability',
    ],
    ['cuda compute cap 70 is not supported', 'this GPU is not supported by the image'],
    [
      '    request error: HTTP status client error (401 Unauthorized) for url (https://huggingface.co/a/b/resolve/main/config.json)',
      'the model may not be downloaded with this token',
    ],
    ['huggingface_hub.errors.GatedRepoError: 403 Client Error.', 'the model may not be downloaded with this token'],
    ['Error: Could not download model artifacts', 'the model could not be downloaded'],
    ["thread 'main' panicked at core/src/lib.rs:1:1:", 'it panicked'],
    ['ValueError: No available memory for the cache blocks. Try increasing', 'no GPU memory is left for the KV cache'],
    [
      'ValueError: Free memory on device cuda:0 (3.2/23.5 GiB) on startup is less than desired GPU memory utilization (0.92, 21.6 GiB).',
      'another process holds GPU memory',
    ],
    ['OSError: [Errno 28] No space left on device', 'the disk is full'],
    ['vllm: error: unrecognized arguments: --modle', 'an option is wrong'],
    ["error: unexpected argument '--modle' found", 'an option is wrong'],
    ['a customer asked why her port is closed', undefined],
  ])('%s', (line, reason) => {
    expect(diagnose(['INFO something else', line])?.reason).toBe(reason);
  });

  it('are named by their cause, wherever in the log it stands', () => {
    const lines = [
      'RuntimeError: Engine core initialization failed.',
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1 GiB',
    ];
    expect(diagnose(lines)?.reason).toBe('out of GPU memory');
    expect(diagnose(lines.toReversed())?.reason).toBe('out of GPU memory');
  });

  it('say the length that would fit', () => {
    expect(diagnose(fixture('vllm-kv-cache-too-small-failure.log'))?.advice).toContain('--max-model-len 40624 or less');
  });

  it('pass no words of the log on', () => {
    const secret = 'do-not-pass-on';
    for (const { pattern } of failureCatalogue) {
      const text = JSON.stringify(diagnose([`${secret} ${pattern.source} ${secret}`]) ?? {});
      expect(text).not.toContain(secret);
    }
    expect(JSON.stringify(diagnose([`CUDA out of memory ${secret}`]))).not.toContain(secret);
  });
});
