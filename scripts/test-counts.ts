/** How many tests passed and failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Reads vitest's JSON report. A run that ended badly without a failed test (a file that could not be loaded, an
 * unhandled rejection, no report at all) counts as one failure, and so does a run in which no test ran.
 */
export function countTests(report: string | undefined, exitCode: number): Counts {
  const { numPassedTests = 0, numFailedTests = 0 } = report === undefined ? {} : JSON.parse(report);
  const endedBadly = exitCode !== 0 || numPassedTests + numFailedTests === 0;
  return { passed: numPassedTests, failed: numFailedTests === 0 && endedBadly ? 1 : numFailedTests };
}
