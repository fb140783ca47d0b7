import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { officialPython } from './python.ts';

/** Every command of docs/deploying.md is one of the official package, with options that it has. Nothing is sent anywhere. */

const python = officialPython();
const document = readFileSync(new URL('../../../docs/deploying.md', import.meta.url), 'utf8');

/** Command lines in code blocks and in running text, lines joined, what stands in quotes left out. */
const lines = [...document.matchAll(/^```sh\n(.*?)^```/gms)]
  .flatMap(([, block]) => (block as string).replaceAll('\\\n', ' ').split('\n'))
  .concat([...document.matchAll(/`(vastai [^`\n]+)`/g)].map(([, line]) => line as string))
  .filter((line) => line.startsWith('vastai '))
  .map((line) =>
    line
      .replace(/'[^']*'|"[^"]*"/g, 'QUOTED')
      .split(/\s+/)
      .slice(1),
  );

function help(...command: string[]): string {
  const cli = (python as string).replace(/python$/, 'vastai');
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
