import { describe, expect, it } from 'vitest';
import { encodeProgress, freshProgress, type Progress, progressOf } from '../../src/reconcile/progress.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';

const PROGRESS: Progress = {
  ...freshProgress(2),
  entriesDone: 3,
  delivered: 30,
  degraded: 1,
  partDelivered: 4,
};

function claimedAt(entriesDone: number, progress?: string) {
  const job = { ...contractJob(0, 1), attempts: 5, entriesDone };
  return progress === undefined ? job : { ...job, progress };
}

describe('progress', () => {
  it('comes back as it was remembered', () => {
    expect(progressOf(claimedAt(3, encodeProgress(PROGRESS)))).toEqual(PROGRESS);
  });

  it.each([
    ['has no account', undefined],
    ['has the account of another position', encodeProgress({ ...PROGRESS, entriesDone: 2 })],
    ['has an account that cannot be read', '{"entriesDone":3'],
    ['has half an account', '{"entriesDone":3,"delivered":30}'],
    ['has an account that is no object', 'null'],
  ])('starts from the first entry when the position %s', (_what, progress) => {
    expect(progressOf(claimedAt(3, progress))).toEqual(freshProgress(5));
  });
});
