import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Linter, Problem, SourceFile } from './linter.ts';

interface Step {
  uses?: string;
  with?: Record<string, unknown>;
}

interface Job {
  if?: string;
  'runs-on'?: unknown;
  'timeout-minutes'?: unknown;
  permissions?: Record<string, string> | string;
  steps?: Step[];
}

interface Workflow {
  on?: unknown;
  permissions?: unknown;
  concurrency?: unknown;
  jobs?: Record<string, Job>;
  runs?: { steps?: Step[] };
}

/** Our own rules for workflows and actions: what keeps a pull request or somebody else's release from acting with our rights. */
export const workflowRules: Linter = {
  name: 'workflow rules',
  matches: ({ path }) => /^\.github\/(workflows\/[^/]+|actions\/.+\/action)\.ya?ml$/.test(path),
  check: (file) => {
    const lineCounter = new LineCounter();
    const document = parseDocument(file.text, { lineCounter });
    const workflow = (document.toJS() ?? {}) as Workflow;
    const lineOf = (...keys: string[]) => {
      const node: unknown = document.getIn(keys, true);
      const range = isMap(node) || isScalar(node) ? node.range : undefined;
      return range ? lineCounter.linePos(range[0]).line : 1;
    };
    return [
      ...pinProblems(file),
      ...commandProblems(document, lineCounter),
      ...checkoutProblems(workflow),
      ...(file.path.includes('/workflows/') ? workflowProblems(workflow, lineOf) : []),
    ];
  },
};

/** A tag can be moved to other code, a commit cannot. The version is there for people and for those who update it. */
function pinProblems({ text }: SourceFile): Problem[] {
  return text.split('\n').flatMap((content, index) => {
    const uses = /^\s*(?:- )?uses:\s*(.*)$/.exec(content)?.[1];
    if (uses === undefined || /^\.\/\S+$/.test(uses) || /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(uses)) return [];
    return [
      { line: index + 1, message: `an action is used by its commit, with the version behind it: "owner/action@40 hex digits # v1.2.3"` },
    ];
  });
}

/** What stands in an expression becomes part of the program, whoever wrote it. */
function commandProblems(document: ReturnType<typeof parseDocument>, lineCounter: LineCounter): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || (key.value !== 'run' && key.value !== 'script') || !isScalar(value) || !value.range) return;
      if (!String(value.value).includes('${{')) return;
      problems.push({
        line: lineCounter.linePos(value.range[0]).line,
        message: 'a command holds no ${{ }}: give it the value through env',
      });
    },
  });
  return problems;
}

function checkoutProblems({ jobs = {}, runs }: Workflow): Problem[] {
  const steps = [...Object.values(jobs), runs ?? {}].flatMap((job) => job.steps ?? []);
  return steps
    .filter((step) => step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false)
    .map(() => ({ line: 1, message: 'actions/checkout leaves no token behind: persist-credentials: false' }));
}

function workflowProblems(workflow: Workflow, lineOf: (...keys: string[]) => number): Problem[] {
  const { permissions, concurrency, jobs = {} } = workflow;
  const events = eventsOf(workflow.on);
  const problems: Problem[] = [];
  if (JSON.stringify(permissions) !== '{}')
    problems.push({ line: lineOf('permissions'), message: 'nothing is permitted to all jobs: permissions: {}' });
  if (concurrency === undefined) problems.push({ line: 1, message: 'a workflow says what happens to its runs side by side: concurrency' });
  for (const event of events.filter((name) => name === 'pull_request_target' || name === 'workflow_run'))
    problems.push({ line: lineOf('on'), message: `${event} runs code of strangers with our rights` });
  for (const [name, job] of Object.entries(jobs)) {
    const line = lineOf('jobs', name);
    if (typeof job['timeout-minutes'] !== 'number') problems.push({ line, message: `the job ${name} has no timeout-minutes` });
    if (typeof job.permissions !== 'object') problems.push({ line, message: `the job ${name} does not list its permissions` });
    if (String(job['runs-on']).endsWith('-latest'))
      problems.push({ line, message: `the job ${name} runs on another system every other year` });
    if (events.includes('pull_request') && mayWrite(job) && !refusesPullRequests(job))
      problems.push({
        line,
        message: `the job ${name} may write, and does not refuse pull requests: if: github.event_name != 'pull_request'`,
      });
  }
  return problems;
}

const eventsOf = (on: unknown): string[] => (typeof on === 'string' ? [on] : Array.isArray(on) ? on.map(String) : Object.keys(on ?? {}));

const mayWrite = ({ permissions }: Job): boolean =>
  typeof permissions === 'object' ? Object.values(permissions).includes('write') : permissions !== undefined;

const refusesPullRequests = ({ if: condition = '' }: Job): boolean =>
  !condition.includes('||') && condition.split('&&').some((part) => part.trim() === "github.event_name != 'pull_request'");
