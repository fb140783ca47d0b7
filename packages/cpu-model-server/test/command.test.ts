import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { optionDocs } from '../src/options.ts';
import { teiRoutes } from '../src/tei-api.ts';
import { vllmRoutes } from '../src/vllm-server.ts';
import { run } from './run.ts';

const portOf = (output: string) => Number(/Starting HTTP server: 127\.0\.0\.1:(\d+)/.exec(output)?.[1]);

describe('the command', () => {
  it('refuses connections until it is loaded, then logs Ready; SIGTERM finishes what is in flight and ends with 0', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));

    const server = run(['--port', String(port), '--startup-delay-ms', '300', '--latency-per-item-ms', '100']);
    await server.said('Starting model backend');
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow('fetch failed');
    await server.said(': Ready');
    const answer = fetch(`http://127.0.0.1:${port}/embed`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"inputs":["a","b"]}',
    });
    await (await fetch(`http://127.0.0.1:${port}/info`)).text(); // the request before it has arrived by now
    server.child.kill('SIGTERM');
    expect((await answer).status).toBe(200);
    await (await answer).text();
    expect(await server.closed).toEqual({ code: 0, signal: null });
    expect(server.output()).toContain('signal received, starting graceful shutdown');
  });

  it.each([
    [
      'out of memory at load',
      ['--oom', 'at-load'],
      'Error: Could not create backend\n\nCaused by:\n    Could not start backend: Could not start a suitable backend',
    ],
    ['a crash on start', ['--crash-on-start'], 'Error: Could not create backend'],
    [
      'options that are wrong, all of them',
      ['--port', 'x', '--fail-rate', '2'],
      '--port: expected port, found "x"\n--fail-rate: expected 0 to 1, found "2"',
    ],
    [
      'everything that is wrong with the command line at once',
      ['--nope', '5', '--port', '--json-output=yes', '--fail-rate=-1', 'stray', '--log-file'],
      'Error: --nope: no such option\n' +
        '--port: expected port, found none (one that begins with a dash is written --port=-…)\n' +
        '--json-output: takes no value\n' +
        '"stray": expected an option, such as --port\n' +
        '--log-file: expected path, found none (one that begins with a dash is written --log-file=-…)\n' +
        '--fail-rate: expected 0 to 1, found "-1"\n' +
        'Try --help.\n',
    ],
    [
      'options of the other dialect, and a kind that does not go with it',
      ['--dialect', 'vllm', '--dimensions', '16', '--model-kind', 'reranker'],
      'Error: --dimensions: needs --dialect tei, found --dialect vllm\n' +
        '--model-kind: expected generation with --dialect vllm, found "reranker"\n',
    ],
    [
      'a log file that cannot be written',
      ['--log-file', '/nowhere/at/all.log'],
      'Error: --log-file: expected a file that can be appended to, found "/nowhere/at/all.log" (no such file or directory)\n',
    ],
  ])('ends with 1 and says why: %s', async (_, args, text) => {
    const server = run(args);
    await server.said(text);
    expect((await server.closed).code).toBe(1);
  });

  it('says which port is taken and how to choose another', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = run(['--port', String(port)]);
    await server.said(`Port ${port} is taken: choose another with --port or PORT.`);
    expect((await server.closed).code).toBe(1);
    other.close();
  });

  it('aborts at the request it is told to', async () => {
    const server = run(['--port', '0', '--crash-after', '0']);
    await server.said(': Ready');
    const url = `http://127.0.0.1:${portOf(server.output())}/embed`;
    await expect(fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"inputs":"a"}' })).rejects.toThrow(
      'fetch failed',
    );
    expect((await server.closed).signal).toBe('SIGABRT');
  });

  it('tells what it can do, as the README does', async () => {
    const server = run(['--help']);
    await server.said('--oom');
    expect((await server.closed).code).toBe(0);
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const rows = [...readme.matchAll(/^\| `(--[\w-]+)` \| (.*?) \| (.*?) \|$/gm)].map((match) => match.slice(1));
    expect(rows).toEqual(optionDocs.map(({ flag, fallback, meaning }) => [flag, fallback, meaning]));
  });

  it.each([
    ['embed', 'cosine 0.'],
    ['chat', 'Audit logs are kept for a year.'],
  ])('has an example in its README that runs: %s', async (name, text) => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    expect(readme).toContain((await readFile(new URL(`../examples/${name}.ts`, import.meta.url), 'utf8')).trim());
    const example = run([], `../examples/${name}.ts`);
    await example.said(text);
    expect((await example.closed).code).toBe(0);
  });

  it('has its routes in its README', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [, tei = '', vllm = ''] = readme.split(/^## As /m);
    for (const path of Object.keys(vllmRoutes)) expect(vllm).toContain(path);
    const refused = ['/predict', '/decode', '/embed_sparse', '/vertex'];
    for (const path of Object.keys(teiRoutes))
      expect([path, tei.includes(`\`POST ${path}`) || tei.includes(`\`${path}\``)]).toEqual([path, true]);
    for (const path of refused) expect(Object.keys(teiRoutes)).toContain(path);
  });
});
