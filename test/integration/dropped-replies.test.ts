import { expect, it } from 'vitest';
import { type DroppedRepliesResult, faultsOf, runDroppedReplies } from '../campaigns/dropped-replies.ts';

it('loses nothing and writes nothing twice when replies are dropped after the commit', async () => {
  const options = { records: 4_000, rowsPerBatch: 20, share: 0.1, seed: 7, say: () => undefined };
  const results = await runDroppedReplies(options);
  expect(faultsOf(results)).toEqual([]);
  expect(results.map(({ dropped }) => dropped > 8)).toEqual([true, true, true, true]);
}, 120_000);

it('would be told of what is lost, duplicated or pending, and of a control that has no duplicates', () => {
  const fine: DroppedRepliesResult = {
    ...{ target: 't', isControl: false, requests: 9, dropped: 1 },
    ...{ lost: 0, duplicated: 0, pending: 0, ms: 1 },
  };
  const bad = [{ lost: 1 }, { duplicated: 1 }, { pending: 1 }, { dropped: 0 }, { isControl: true }];
  expect(faultsOf([fine, { ...fine, isControl: true, duplicated: 3 }])).toEqual([]);
  expect(faultsOf(bad.map((part) => ({ ...fine, ...part }))).length).toBe(bad.length);
});
