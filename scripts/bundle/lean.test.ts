import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, describe, expect, it } from 'vitest';
import { leanOutput, leanPlugins } from './lean.ts';

/** Where what is bundled finds its libraries. */
const folder = mkdtempSync(fileURLToPath(new URL('../../packages/vast-worker/node_modules/.lean-', import.meta.url)));
afterAll(() => rmSync(folder, { recursive: true }));

const run = promisify(execFile);

async function bundle(source: string): Promise<string> {
  const input = join(folder, 'source.mjs');
  writeFileSync(input, source);
  const dir = join(folder, 'dist');
  const build = await rolldown({ input: { program: input }, platform: 'node', plugins: leanPlugins });
  await build.write({ ...leanOutput, dir });
  await build.close();
  return join(dir, 'program.mjs');
}

/** Node's own list of what it has loaded of itself. */
const tellLoaded = `console.log(JSON.stringify(process.moduleLoadList.filter((name) => /deps.undici|http2/.test(name))));`;

describe('a lean bundle', () => {
  it('loads of Node what it uses, and neither its fetch nor HTTP/2', async () => {
    const source = `
      import { createServer, STATUS_CODES as codes } from 'node:http';
      import { createHash } from 'node:crypto';
      import { Agent, Pool, request } from 'undici';
      import express from 'express';
      console.error(codes[404], typeof createServer, typeof createHash, typeof Pool, typeof Agent, typeof request, typeof express);
      ${tellLoaded}`;
    const { stdout, stderr } = await run(process.execPath, [await bundle(source)]);
    expect(stderr.trim()).toBe('Not Found function function function function function function');
    expect(JSON.parse(stdout)).toEqual([]);

    writeFileSync(join(folder, 'plain.mjs'), `import { createServer } from 'node:http'; console.error(typeof createServer); ${tellLoaded}`);
    const plain = execFileSync(process.execPath, [join(folder, 'plain.mjs')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(JSON.parse(plain), 'Node reads less now: the plugin may go').toContain('NativeModule internal/deps/undici/undici');
  });

  it('speaks HTTP with the part of undici that is left', async () => {
    const server = createServer((request, response) => response.end(`${request.method} ${request.url} ${String(request.headers['x-a'])}`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const source = `
      import { Agent, Client, Dispatcher, Pool, request } from 'undici';
      class Own extends Dispatcher {
        #client = new Client(origin);
        dispatch(options, handler) {
          return this.#client.dispatch(options, handler);
        }
      }
      const origin = ${JSON.stringify(origin)};
      const answers = [
        await request(origin + '/one?a=b', { dispatcher: new Agent({ allowH2: false }), headers: { 'x-a': '1' } }),
        await new Pool(origin).request({ path: '/two', method: 'PUT', headers: { 'x-a': '2' } }),
        await new Client(origin).request({ path: '/three', method: 'GET' }),
        await new Own().request({ path: '/four', method: 'GET' }),
      ];
      console.log((await Promise.all(answers.map(({ body }) => body.text()))).join('; '));
      process.exit();`;
    try {
      const { stdout } = await run(process.execPath, [await bundle(source)]);
      expect(stdout.trim()).toBe('GET /one?a=b 1; PUT /two 2; GET /three undefined; GET /four undefined');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('answers through express as ever, and says where a part went that is asked for', async () => {
    const source = `
      import express from 'express';
      const app = express();
      app.get('/text', (_request, response) => response.type('text/plain; version=0.0.4').send('é'));
      app.get('/html', (_request, response) => response.send('<p>'));
      app.get('/json', (_request, response) => response.json({ a: 1 }));
      app.post('/', express.json(), (_request, response) => response.end());
      app.use((error, _request, response, _next) => response.status(500).end(error.message));
      const server = app.listen(0, '127.0.0.1', async () => {
        const origin = 'http://127.0.0.1:' + server.address().port;
        for (const path of ['/text', '/html', '/json']) {
          const answer = await fetch(origin + path);
          console.log(answer.headers.get('content-type'), await answer.text());
        }
        const headers = { 'content-type': 'application/json' };
        console.log(await (await fetch(origin, { method: 'POST', headers, body: '{}' })).text());
        process.exit();
      });`;
    const { stdout } = await run(process.execPath, [await bundle(source)]);
    expect(stdout.trim().split('\n')).toEqual([
      'text/plain; version=0.0.4; charset=utf-8 é',
      'text/html; charset=utf-8 <p>',
      'application/json; charset=utf-8 {"a":1}',
      'iconv-lite is left out of bundles: scripts/bundle/lean.ts',
    ]);
  });

  it('is written in ASCII, whatever its texts say', async () => {
    const file = await bundle(`// naïve\nconsole.log('naïve — 🚀', /[à-ü]/u.test('é'), \`→\`);`);
    for (const name of readdirSync(join(folder, 'dist')))
      expect(readFileSync(join(folder, 'dist', name), 'latin1')).toMatch(/^[\0-\x7f]*$/);
    expect((await run(process.execPath, [file])).stdout).toBe('naïve — 🚀 true →\n');
  });
});
