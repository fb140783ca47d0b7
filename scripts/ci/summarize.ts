/** What vitest's JSON report comes down to. */
export interface Summary {
  line: string;
  ok: boolean;
  /** Why it is not ok, when the counts do not say it. */
  problem?: string;
}

/**
 * @param reportTexts one per run of the test runner; undefined where a run left none
 * @param exitCode of the test commands: a runner that fails without a failed test has failed
 */
export function summarize(reportTexts: readonly (string | undefined)[], exitCode: number): Summary {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let problem: string | undefined;
  for (const text of reportTexts) {
    const report = text === undefined ? undefined : parse(text);
    if (!report) {
      counts.failed += 1;
      problem = 'The test runner left no readable report.';
      continue;
    }
    const { numPassedTests, numFailedTests, numPendingTests = 0, numTodoTests = 0, numFailedTestSuites = 0 } = report;
    counts.passed += numPassedTests;
    counts.failed += numFailedTests === 0 ? numFailedTestSuites : numFailedTests; // a file that could not be loaded has no tests to fail
    counts.skipped += numPendingTests + numTodoTests;
    if (numPassedTests === 0) problem = 'A run had no test that passed.';
  }
  if (counts.failed === 0 && exitCode !== 0) problem ??= `Every test passed, but a test command ended with ${exitCode}.`;
  const line = `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`;
  const ok = counts.failed === 0 && problem === undefined && reportTexts.length > 0;
  return { line, ok, ...(problem === undefined ? {} : { problem }) };
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests?: number;
  numTodoTests?: number;
  numFailedTestSuites?: number;
}

function parse(text: string): VitestReport | undefined {
  try {
    const report = JSON.parse(text) as Partial<VitestReport> | null;
    return typeof report?.numPassedTests === 'number' && typeof report.numFailedTests === 'number' ? (report as VitestReport) : undefined;
  } catch {
    return undefined;
  }
}
