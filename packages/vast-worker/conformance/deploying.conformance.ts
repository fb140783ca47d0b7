import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type ConsoleRequest, startFakeConsole } from './fake-console.ts';
import { officialPython } from './python.ts';

/** Every command of docs/deploying.md is one of the official package, with options that it has, and sends what the document says. */

const python = officialPython();
const document = readFileSync(new URL('../../../docs/deploying.md', import.meta.url), 'utf8');

/** Lines of code blocks, continued ones joined. */
const blockLines = [...document.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
  (block as string).replaceAll('\\\n', ' ').split('\n'),
);

/** Command lines in code blocks and in running text, what stands in quotes left out. */
const lines = blockLines
  .concat([...document.matchAll(/`(vastai [^`\n]+)`/g)].map(([, line]) => line as string))
  .filter((line) => line.startsWith('vastai '))
  .map((line) =>
    line
      .replace(/'[^']*'|"[^"]*"/g, 'QUOTED')
      .split(/\s+/)
      .slice(1),
  );

const cli = (python ?? '').replace(/python$/, 'vastai');

function help(...command: string[]): string {
  const { status, stdout, stderr } = spawnSync(cli, [...command, '--help'], {
    encoding: 'utf8',
    env: { ...process.env, HOME: '/nonexistent' },
  });
  if (status !== 0) throw new Error(`vastai ${command.join(' ')}: ${stderr.split('\n').at(-2)}`);
  return stdout;
}

describe.skipIf(!python)('docs/deploying.md', () => {
  const commands = () => new Set([...help().matchAll(/^ (\w[\w-]*(?: [\w-]+)?) {2,}/gm)].map(([, name]) => name as string));

  it('names the package that the tests pin', () => {
    expect(document).toContain(`vastai==${/vastai==([\d.]+)/.exec(readFileSync(new URL('python.ts', import.meta.url), 'utf8'))?.[1]}`);
  });

  it('has commands that there are, with options and arguments that they take', () => {
    const known = commands();
    expect(lines.length).toBeGreaterThan(15);
    for (const words of lines) {
      const pair = words.slice(0, 2).join(' ');
      const command = known.has(pair) ? pair : (words[0] as string);
      expect([command, known.has(command)]).toEqual([command, true]);
      const text = help(...command.split(' '));
      const options = words.slice(command.split(' ').length).filter((word) => /^--?[a-z]/.test(word));
      const unknown = options.filter((option) => !new RegExp(`(?:^|[ ,])${option}(?=[ ,]|$)`, 'm').test(text));
      expect([words.join(' '), unknown]).toEqual([words.join(' '), []]);
    }
  });
});

/** What a command of the document sends; the last line that begins so, with numbers for the ids. */
async function sent(beginning: string): Promise<ConsoleRequest> {
  await using console = await startFakeConsole();
  const line = blockLines.findLast((text) => text.startsWith(`${beginning} `)) ?? '';
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? (plain as string));
  const given = words.slice(1).map((word) => (word.endsWith('_ID') ? '7' : word));
  await promisify(execFile)(cli, [...given, '--url', console.url, '--api-key', 'none'], {
    env: { ...process.env, HOME: '/nonexistent' },
    timeout: 60_000,
  });
  expect(console.requests).toHaveLength(1);
  return console.requests[0] as ConsoleRequest;
}

/** Objects without what is null in them. */
const given = (body: Record<string, unknown>) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));

/** The CLI sends some figures as texts; to Vast they are the same. */
const asFigures = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, part: unknown) => (typeof part === 'string' && part !== '' ? Number(part) || part : part));

interface OfficialTemplate {
  extra_filters: Record<string, unknown>;
  [field: string]: unknown;
}
const template = JSON.parse(readFileSync(new URL('../../../templates/agent-brain.json', import.meta.url), 'utf8')) as OfficialTemplate;

describe.skipIf(!python)('the commands of docs/deploying.md, sent to a console that takes everything', () => {
  it('create the template that is in templates/, and the next one with nothing else than another tag', async () => {
    const [first, next] = blockLines.filter((line) => line.startsWith('vastai create template '));
    expect(next).toBe(first?.replace('--image_tag 0.0.0', '--image_tag 0.0.1'));
    expect(next).not.toBe(first);
    const { call, body } = await sent('vastai create template');
    expect(call).toBe('POST /api/v0/template/');
    const { name, desc, image, env, runtype, use_ssh, ssh_direct, jup_direct, recommended_disk_space, extra_filters } = template;
    const wanted = { name, desc, image, env, runtype, use_ssh, ssh_direct, jup_direct, recommended_disk_space, private: true };
    expect(asFigures(body)).toMatchObject({ ...wanted, extra_filters });
  });

  it('leave nothing out of a workergroup when they update it', async () => {
    const created = await sent('vastai create workergroup');
    const updated = await sent('vastai update workergroup');
    expect(updated.call).toBe('PUT /api/v0/autojobs/7/');
    const { autoscaler_instance: _, ...fields } = given(created.body);
    expect(given(updated.body)).toEqual({ ...fields, autojob_id: 7, template_hash: 'NEW_HASH' });
    expect(updated.body.search_params).toMatch(/gpu_name in .* verified=True rentable=True rented=False$/);
  });

  it('leave nothing out of an endpoint when they stop it', async () => {
    const created = await sent('vastai create endpoint');
    const updated = await sent('vastai update endpoint');
    expect(updated.call).toBe('PUT /api/v0/endptjobs/7/');
    expect(updated.body).toEqual({ ...created.body, endptjob_id: 7, endpoint_state: 'stopped' });
    expect(Object.values(updated.body)).not.toContain(null);
  });

  it('ask for the price of the disk that is needed', async () => {
    const { body } = await sent('vastai search offers');
    expect(body).toMatchObject({
      allocated_storage: template.recommended_disk_space,
      compute_cap: { eq: '890' },
      gpu_ram: { gte: 12_000 },
    });
  });
});
