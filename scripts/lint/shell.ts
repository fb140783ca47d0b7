import { spawnSync } from 'node:child_process';
import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { type Linter, type Problem, type SourceFile, ToolMissing } from './linter.ts';

const timeoutMs = 30_000;
const installation = 'shellcheck is not installed: apt-get install shellcheck, or brew install shellcheck';

/** Shell scripts, by their first line, or by their name when it does not say. */
export const shellScripts: Linter = {
  name: 'shellcheck',
  matches: ({ path, text }) => (text.startsWith('#!') ? /^#!.*\b(ba|da)?sh\b/.test(text) : /\.(sh|bash)$/.test(path)),
  check: ({ text }) => shellcheck(text),
};

/** The commands in workflows and actions, which are bash as GitHub starts it. */
export const shellInWorkflows: Linter = {
  name: 'shellcheck',
  matches: ({ path }) => /^\.github\/(workflows|actions)\/.*\.ya?ml$/.test(path),
  check: (file) =>
    commandsIn(file).flatMap(({ line, text }) =>
      shellcheck(text, 'bash').map((problem) => ({ ...problem, line: line + problem.line - 1 })),
    ),
};

/** @throws ToolMissing */
function shellcheck(script: string, shell?: string): Problem[] {
  const options = { input: script, encoding: 'utf8', timeout: timeoutMs } as const;
  const { error, status, stdout, stderr } = spawnSync(
    'shellcheck',
    ['--format=json', ...(shell ? [`--shell=${shell}`] : []), '-'],
    options,
  );
  if (error && 'code' in error && error.code === 'ENOENT') throw new ToolMissing(installation, { cause: error });
  if (error) throw error;
  if (status !== 0 && status !== 1) throw new Error(`shellcheck ended with ${status}: ${stderr}`);
  const found = JSON.parse(stdout) as { line: number; code: number; message: string }[];
  return found.map(({ line, code, message }) => ({ line, message: `SC${code}: ${message}` }));
}

/** Lines count from the first of a block, or are the command's own. */
function commandsIn({ text }: SourceFile): { line: number; text: string }[] {
  const lineCounter = new LineCounter();
  const commands: { line: number; text: string }[] = [];
  visit(parseDocument(text, { lineCounter }), {
    Map(_, map) {
      const run = isMap(map) ? map.get('run', true) : undefined;
      if (!isScalar(run) || typeof run.value !== 'string' || !run.range) return;
      const isBlock = run.type === 'BLOCK_LITERAL' || run.type === 'BLOCK_FOLDED';
      commands.push({ line: lineCounter.linePos(run.range[0]).line + (isBlock ? 1 : 0), text: run.value });
    },
  });
  return commands;
}
