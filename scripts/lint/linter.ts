/** What is wrong with a file. */
export interface Problem {
  /** From 1. */
  line: number;
  message: string;
}

export interface SourceFile {
  /** Relative to the repository's root, with slashes. */
  path: string;
  text: string;
}

/** One tool, and the files that it knows. */
export interface Linter {
  name: string;
  matches(file: SourceFile): boolean;
  check(file: SourceFile): Problem[] | Promise<Problem[]>;
}

/** A program that a linter runs is not installed. */
export class ToolMissing extends Error {
  override readonly name = 'ToolMissing';
}
