import { describe, expect, it } from 'vitest';
import { summarize } from './summarize.ts';

const report = (counts: object) => JSON.stringify({ numPassedTests: 3, numFailedTests: 0, ...counts });

describe('the last line of CI', () => {
  it('counts what passed and failed', () => {
    expect(summarize([report({})], 0)).toEqual({ line: '3 passed, 0 failed', ok: true });
    expect(summarize([report({ numFailedTests: 2 })], 1)).toMatchObject({ line: '3 passed, 2 failed', ok: false });
  });

  it('tells of skipped tests', () => {
    expect(summarize([report({ numPendingTests: 2 })], 0).line).toBe('3 passed, 0 failed, 2 skipped');
  });

  it('counts a file that could not be loaded as a failure', () => {
    expect(summarize([report({ numFailedTestSuites: 1 })], 1)).toMatchObject({ line: '3 passed, 1 failed', ok: false });
  });

  it('adds up the reports of several runs, and misses one that is not there', () => {
    expect(summarize([report({}), report({ numPassedTests: 4 })], 0)).toEqual({ line: '7 passed, 0 failed', ok: true });
    expect(summarize([report({}), undefined], 0)).toMatchObject({ line: '3 passed, 1 failed', ok: false });
    expect(summarize([], 0).ok).toBe(false);
  });

  it.each([
    ['there is no report', undefined, 0],
    ['the report is cut off', '{"numPassed', 0],
    ['no test ran', report({ numPassedTests: 0 }), 0],
    ['the runner failed although every test passed', report({}), 1],
  ])('fails when %s', (_, text, exitCode) => {
    expect(summarize([text], exitCode).ok).toBe(false);
  });
});
