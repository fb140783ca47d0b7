import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lint } from './lint.ts';
import { workflowRules } from './workflow-rules.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;

const problemsOf = async (path: string, text: string) => (await lint([{ path, text }])).problems;

const commit = 'a'.repeat(40);
const goodWorkflow = `name: Good
on:
  pull_request:
permissions: {}
concurrency: good
jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@${commit} # v7.0.1
        with:
          persist-credentials: false
      - run: echo "$TITLE"
        env:
          TITLE: \${{ github.event.pull_request.title }}
`;

describe('a Dockerfile', () => {
  it('of known instructions is fine', async () => {
    expect(await problemsOf('services/a/Dockerfile', 'FROM scratch\nCMD ["a"]\n')).toEqual([]);
  });

  it('is refused for an instruction that does not exist, and for one of two commands, at their lines', async () => {
    const problems = await problemsOf('services/a/Dockerfile', 'FROM scratch\nRUNN true\nCMD ["a"]\nCMD ["b"]\n');
    expect(problems).toEqual([
      expect.stringMatching(/^services\/a\/Dockerfile:3: There can only be one CMD .* \(dockerfile-utils\)$/),
      'services/a/Dockerfile:2: Unknown instruction: RUNN (dockerfile-utils)',
    ]);
  });

  it.each(['infra/docker/Dockerfile.network', 'infra/network.Dockerfile'])('is also %s', async (path) => {
    expect(await problemsOf(path, 'FROM scratch\nRUNN true\n')).toHaveLength(1);
  });
});

describe('a YAML file', () => {
  it('of several documents is fine', async () => {
    expect(await problemsOf('infra/a.yaml', 'a: 1\n---\na: 2\n')).toEqual([]);
    expect(await problemsOf('infra/empty.yml', '')).toEqual([]);
  });

  it.each([
    ['a key that comes twice', 'a: 1\nb: 2\na: 3\n', /^infra\/a\.yml:3: Map keys must be unique/],
    ['an anchor that is nowhere', 'a: 1\nb: *nowhere\n', /^infra\/a\.yml:2: Unresolved alias/],
    ['brackets that stay open', 'a: [1\nb: 2\n', /^infra\/a\.yml:\d: /],
    ['a tag nobody knows', 'a: !unknown 1\n', /^infra\/a\.yml:1: Unresolved tag/],
  ])('is refused for %s', async (_, text, problem) => {
    expect((await problemsOf('infra/a.yml', text))[0]).toMatch(problem);
  });
});

describe('a workflow', () => {
  const path = '.github/workflows/a.yml';

  it('that keeps the rules is fine', async () => {
    expect((await problemsOf(path, goodWorkflow)).filter((problem) => !problem.includes('(shellcheck)'))).toEqual([]);
  });

  it('is refused for what GitHub would not understand', async () => {
    const problems = await problemsOf(path, goodWorkflow.replace('runs-on:', 'runs_on:'));
    expect(problems).toContainEqual(expect.stringMatching(/^\.github\/workflows\/a\.yml:8: unexpected key "runs_on".* \(actionlint\)$/));
  });

  const tooMuch = 'contents: read\n      packages: write';
  it.each([
    ['a tag for a commit', `checkout@${commit} # v7.0.1`, 'checkout@v7', 13, 'used by its commit'],
    ['a commit without its version', ` # v7.0.1`, '', 13, 'used by its commit'],
    ['a short commit', commit, commit.slice(1), 13, 'used by its commit'],
    ['a token that stays behind', 'persist-credentials: false', 'fetch-depth: 0', 1, 'persist-credentials'],
    ['an expression in a command', '"$TITLE"', '"${{ github.event.pull_request.title }}"', 16, 'a command holds no ${{ }}'],
    ['an expression that looks harmless', '"$TITLE"', '"${{ github.sha }}"', 16, 'a command holds no ${{ }}'],
    ['a job without end', '    timeout-minutes: 5\n', '', 8, 'the job check has no timeout-minutes'],
    ['a job that does not say its permissions', '    permissions:\n      contents: read\n', '', 8, 'does not list its permissions'],
    ['permissions of all jobs', 'permissions: {}', 'permissions: read-all', 4, 'permissions: {}'],
    ['no word on permissions', 'permissions: {}\n', '', 1, 'permissions: {}'],
    ['no concurrency', 'concurrency: good\n', '', 1, 'concurrency'],
    ['a system that changes', 'ubuntu-24.04', 'ubuntu-latest', 8, 'another system'],
    ['code of strangers with our rights', 'pull_request:', 'pull_request_target:', 3, 'strangers'],
    ['pull requests that may write', 'contents: read', tooMuch, 8, 'refuse pull requests'],
  ])('is refused for %s', async (_, from, to, line, message) => {
    expect(goodWorkflow).toContain(from);
    const problems = await workflowRules.check({ path, text: goodWorkflow.replace(from, to) });
    expect(problems).toEqual([{ line, message: expect.stringContaining(message) }]);
  });

  it('may write in a job that refuses pull requests', () => {
    const text = goodWorkflow.replace('contents: read', tooMuch);
    const withCondition = (condition: string) =>
      workflowRules.check({ path, text: text.replace('  check:\n', `  check:\n    if: ${condition}\n`) });
    expect(withCondition("github.event_name != 'pull_request'")).toEqual([]);
    expect(withCondition("github.event_name != 'pull_request' && github.ref == 'refs/heads/main'")).toEqual([]);
    expect(withCondition("github.event_name != 'pull_request' || true")).toHaveLength(1);
    expect(workflowRules.check({ path, text: text.replace(/permissions:\n.*\n.*write/, 'permissions: write-all') })).toHaveLength(2);
  });

  it('is held to pins and commands also as an action of ours', async () => {
    const action =
      'name: A\ndescription: B\nruns:\n  using: composite\n  steps:\n    - uses: a/b@v1\n    - shell: bash\n      run: echo ${{ inputs.a }}\n';
    expect(await workflowRules.check({ path: '.github/actions/a/action.yml', text: action })).toHaveLength(2);
  });
});

describe.skipIf(!hasShellcheck && process.env.REQUIRE_ALL !== '1')('a shell script', () => {
  const bad = 'set -e\nrm $1\n';

  it.each([
    ['by its name', 'infra/start.sh', `# shellcheck shell=sh\n${bad}`, 3],
    ['by its first line', '.ci/run', `#!/usr/bin/env bash\n${bad}`, 3],
    [
      'in a workflow, as a block',
      '.github/workflows/a.yml',
      goodWorkflow.replace('echo "$TITLE"', '|\n          set -e\n          rm $TITLE'),
      18,
    ],
    ['in a workflow, on its line', '.github/workflows/a.yml', goodWorkflow.replace('echo "$TITLE"', 'rm $TITLE'), 16],
  ])('is refused %s', async (_, path, text, line) => {
    expect(await problemsOf(path, text)).toEqual([
      expect.stringMatching(new RegExp(`^${path}:${line}: SC2086: Double quote to prevent .* \\(shellcheck\\)$`)),
    ]);
  });

  it('that quotes is fine', async () => {
    expect(await problemsOf('infra/start.sh', '#!/bin/sh\nset -e\nrm "$1"\n')).toEqual([]);
  });
});

describe('npm run lint', () => {
  const command = join(root, 'scripts/lint.ts');
  const withFiles = async (files: Record<string, string>, env: Record<string, string>) => {
    const folder = await mkdtemp(join(tmpdir(), 'lint-'));
    try {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), text);
      }
      execFileSync('git', ['init', '--quiet'], { cwd: folder });
      const { status, stdout } = spawnSync(process.execPath, [command], { cwd: folder, env: { ...process.env, ...env }, encoding: 'utf8' });
      return { status, lines: stdout.trimEnd().split('\n') };
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it('fails with one line per problem, in every file that git would take', async () => {
    const files = { 'a.yml': 'a: 1\na: 2\n', 'sub/b.yaml': 'a: 1\n', 'node_modules/c.yml': 'a: 1\na: 2\n', '.gitignore': 'node_modules\n' };
    const { status, lines } = await withFiles(files, {});
    expect(lines).toEqual([
      'a.yml:2: Map keys must be unique (yaml)',
      '2 Dockerfiles, scripts, YAML files and workflows checked, 1 problems.',
    ]);
    expect(status).toBe(1);
  });

  it('says how to install what is missing, and fails for it in CI', async () => {
    const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    const files = { 'a.sh': '#!/bin/sh\nrm $1\n' };
    const onlyGit = await mkdtemp(join(tmpdir(), 'lint-path-'));
    await writeFile(join(onlyGit, 'git'), `#!/bin/sh\nexec ${git} "$@"\n`, { mode: 0o755 });
    const laptop = await withFiles(files, { PATH: onlyGit, REQUIRE_ALL: '' });
    expect(laptop.lines[0]).toBe('Not checked: a.sh. shellcheck is not installed: apt-get install shellcheck, or brew install shellcheck');
    expect(laptop.status).toBe(0);
    expect((await withFiles(files, { PATH: onlyGit, REQUIRE_ALL: '1' })).status).toBe(1);
    await rm(onlyGit, { recursive: true });
  });
});

describe('the workflows of this repository', () => {
  const read = (path: string) => ({ path, text: readFileSync(join(root, path), 'utf8') });
  const names = readdirSync(join(root, '.github/workflows'));
  const files = [...names.map((name) => `.github/workflows/${name}`), '.github/actions/image/action.yml'].map(read);

  it('are these, and keep the rules', async () => {
    expect(names.toSorted()).toEqual(['ci.yml', 'images.yml', 'release.yml']);
    expect((await lint(files)).problems).toEqual([]);
  });

  it('run scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const text = files.map((file) => file.text).join('\n');
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
    expect(named).toEqual(expect.arrayContaining(['test:images', 'release:version', 'release:publish']));
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    const programs = [...text.matchAll(/(?:node|bash) ([\w./-]+)/g)].map(([, path = '']) => path);
    expect(programs.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(programs).toContain('scripts/affected-services.ts');
  });

  it('use one commit of each action', () => {
    const pins = new Map<string, Set<string>>();
    for (const { text } of files)
      for (const [, action = '', pin = ''] of text.matchAll(/uses: ([\w/-]+)@(.*)$/gm))
        pins.set(action, (pins.get(action) ?? new Set()).add(pin));
    expect(pins.size).toBeGreaterThan(5);
    expect([...pins].filter(([, used]) => used.size > 1)).toEqual([]);
  });
});
