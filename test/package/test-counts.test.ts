import { describe, expect, it } from 'vitest';
import { countTests } from '../../scripts/test-counts.ts';

describe('countTests', () => {
  const report = (numPassedTests: number, numFailedTests: number) =>
    JSON.stringify({ numPassedTests, numFailedTests });

  it('takes the counts of the report', () => {
    expect(countTests(report(12, 0), 0)).toEqual({ passed: 12, failed: 0 });
    expect(countTests(report(12, 3), 1)).toEqual({ passed: 12, failed: 3 });
  });

  it('counts a run that ended badly with no failed test as one failure', () => {
    expect(countTests(report(12, 0), 1)).toEqual({ passed: 12, failed: 1 });
    expect(countTests(undefined, 1)).toEqual({ passed: 0, failed: 1 });
  });

  it('counts a run in which no test ran as one failure', () => {
    expect(countTests(report(0, 0), 0)).toEqual({ passed: 0, failed: 1 });
    expect(countTests(undefined, 0)).toEqual({ passed: 0, failed: 1 });
  });
});
