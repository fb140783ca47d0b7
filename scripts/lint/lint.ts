import { dockerfiles } from './dockerfiles.ts';
import { type Linter, type SourceFile, ToolMissing } from './linter.ts';
import { shellInWorkflows, shellScripts } from './shell.ts';
import { workflowRules } from './workflow-rules.ts';
import { workflows } from './workflows.ts';
import { yaml } from './yaml.ts';

const linters: readonly Linter[] = [yaml, workflows, workflowRules, dockerfiles, shellScripts, shellInWorkflows];

export interface LintResult {
  /** `path:line: message (linter)`, one per problem. */
  problems: string[];
  /** What could not be checked, and the files that were not; one line per reason. */
  unchecked: string[];
  /** How many files some linter looked at. */
  checked: number;
}

/** Every file through every linter that knows it. */
export async function lint(files: Iterable<SourceFile>): Promise<LintResult> {
  const problems: string[] = [];
  const unchecked = new Map<string, string[]>();
  const checked = new Set<string>();
  for (const file of files) {
    for (const linter of linters.filter((candidate) => candidate.matches(file))) {
      try {
        const found = await linter.check(file);
        problems.push(...found.map(({ line, message }) => `${file.path}:${line}: ${message} (${linter.name})`));
        checked.add(file.path);
      } catch (error) {
        if (!(error instanceof ToolMissing)) throw new Error(`${linter.name} could not check ${file.path}`, { cause: error });
        unchecked.set(error.message, [...(unchecked.get(error.message) ?? []), file.path]);
      }
    }
  }
  return {
    problems,
    unchecked: [...unchecked].map(([reason, paths]) => `Not checked: ${paths.join(', ')}. ${reason}`),
    checked: checked.size,
  };
}
