import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { run } from './run.ts';

const vllm = (...args: string[]) => run(['--dialect', 'vllm', '--port', '0', ...args]);
const urlOf = (output: string) => /Starting vLLM server on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] as string;

async function ask(url: string, body: object): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Hello there', ...body }),
  });
}

describe('the command as vLLM', () => {
  it('refuses connections until it is loaded, and says what vLLM says on the way, in its order', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const server = run(['--dialect', 'vllm', '--port', String(port), '--startup-delay-ms', '300']);
    await server.said('Loading model from scratch...');
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow('fetch failed');
    await server.said('Application startup complete.\n');
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);

    const lines = server.output().split('\n').filter(Boolean);
    const record = /^\((APIServer|EngineCore) pid=\d+\) (INFO|WARNING|ERROR) \d\d-\d\d \d\d:\d\d:\d\d \[[\w.]+:\d+\] /;
    const bare = /^\(APIServer pid=\d+\) INFO: {5}\S/;
    for (const line of lines) expect(line).toMatch(record.test(line) ? record : bare);
    const logo = lines.findIndex((line) => line.includes('[api_utils.py:333]'));
    expect(lines.slice(logo, logo + 5).map((line) => line.endsWith('\r'))).toEqual([true, true, true, true, false]);
    const milestones = [
      'Resolved architecture: ',
      'Using max model len ',
      'Initializing a V1 LLM engine (v',
      'Loading model from scratch...',
      'Loading weights took ',
      'Model loading took ',
      'torch.compile took ',
      'GPU KV cache size: ',
      'Graph capturing finished in ',
      'init engine (profile, create kv cache, warmup model) took ',
      "Supported tasks: ('generate',)",
      'Starting vLLM server on http://',
      'Available routes are:',
      'Route: /v1/completions, Methods: POST',
      'INFO:     Started server process [',
      'INFO:     Waiting for application startup.',
      'INFO:     Application startup complete.',
    ];
    const places = milestones.map((text) => lines.findIndex((line) => line.includes(text)));
    expect(places).toEqual([...places].sort((left, right) => left - right));
    expect(places).not.toContain(-1);

    server.child.kill('SIGTERM');
    expect(await server.closed).toEqual({ code: 0, signal: null });
    expect(server.output()).toContain('[shutdown] API server: shutdown triggered');
  });

  it('serves the openai client', async () => {
    const server = vllm('--served-model-name', 'mine');
    await server.said('Application startup complete.');
    const openai = new OpenAI({ baseURL: `${urlOf(server.output())}/v1`, apiKey: 'none', maxRetries: 0 });
    const stream = await openai.chat.completions.create({
      model: 'mine',
      messages: [{ role: 'user', content: 'The sky is blue. Which color is the sky?' }],
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('The sky is blue.');
    server.child.kill('SIGTERM');
    expect((await server.closed).code).toBe(0);
  });

  it.each([
    ['the engine dies', ['--engine-death-after', '0'], 'RuntimeError: dying on purpose (--engine-death-after)'],
    ['memory runs out', ['--oom', 'at-run'], 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate'],
  ])('answers 500 when %s, and leaves by itself with exit code 0', async (_, args, reason) => {
    const server = vllm('--watchdog-ms', '0', ...args);
    await server.said('Application startup complete.');
    const answer = await ask(urlOf(server.output()), { max_tokens: 5, ignore_eos: true });
    expect(answer.status).toBe(500);
    await answer.text();
    expect(await server.closed).toEqual({ code: 0, signal: null });
    const output = server.output();
    expect(output).toMatch(/ERROR .* EngineCore encountered a fatal error\.\r\n/);
    expect(output).toContain('vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.');
    expect(output).toContain(reason);
    expect(output).toMatch(/INFO: {5}Finished server process \[\d+\]\n$/);
  });

  it.each([
    ['out of memory', ['--oom', 'at-load'], 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate'],
    ['a crash on start', ['--crash-on-start'], 'RuntimeError: failing on purpose (--crash-on-start)'],
  ])('ends with 1 when the load fails, and says why: %s', async (_, args, reason) => {
    const server = vllm(...args);
    expect(await server.closed).toEqual({ code: 1, signal: null });
    expect(server.output()).toMatch(/ERROR .* EngineCore failed to start\.\r\n/);
    expect(server.output()).toContain(reason);
    expect(server.output()).toMatch(
      /\(APIServer pid=\d+\) RuntimeError: Engine core initialization failed\. See root cause above\. Failed core proc\(s\): \{'EngineCore': 1\}\n$/,
    );
  });

  it('says which port is taken and how to choose another', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = run(['--dialect', 'vllm', '--port', String(port)]);
    expect((await server.closed).code).toBe(1);
    expect(server.output()).toContain(`Port ${port} is taken: choose another with --port or PORT.`);
    other.close();
  });

  it('aborts at the request it is told to', async () => {
    const server = vllm('--crash-after', '0');
    await server.said('Application startup complete.');
    await expect(ask(urlOf(server.output()), {})).rejects.toThrow('fetch failed');
    expect((await server.closed).signal).toBe('SIGABRT');
  });

  it('is stopped in spite of a request that hangs', async () => {
    const server = vllm('--hang-after', '0');
    await server.said('Application startup complete.');
    const hanging = ask(urlOf(server.output()), {}).catch((error: Error) => error.message);
    await fetch(`${urlOf(server.output())}/health`);
    server.child.kill('SIGTERM');
    expect((await server.closed).code).toBe(0);
    expect(await hanging).toBe('fetch failed');
  });
});
