/** What vitest's JSON report comes down to. */
export interface Summary {
  line: string;
  ok: boolean;
  /** Why it is not ok, when the counts do not say it. */
  problem?: string;
}

/** @param exitCode of the test command: a runner that fails without a failed test has failed */
export function summarize(reportText: string | undefined, exitCode: number): Summary {
  const report = reportText === undefined ? undefined : parse(reportText);
  if (!report) return { line: '0 passed, 1 failed', ok: false, problem: 'The test runner left no readable report.' };
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: pending = 0,
    numTodoTests: todo = 0,
    numFailedTestSuites: files = 0,
  } = report;
  const skipped = pending + todo;
  const brokenFiles = failed === 0 ? files : 0;
  const line = `${passed} passed, ${failed + brokenFiles} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  if (passed === 0) return { line, ok: false, problem: 'No test ran.' };
  if (failed + brokenFiles > 0) return { line, ok: false };
  if (exitCode !== 0) return { line, ok: false, problem: `Every test passed, but the test command ended with ${exitCode}.` };
  return { line, ok: true };
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
