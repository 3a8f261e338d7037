import { expect, it } from 'vitest';
import { runRedisCampaign } from '../campaigns/redis-events.ts';
import { TROUBLE_NAMES } from '../campaigns/redis-trouble.ts';

it('lands every deferred record once and in order, whatever happens to Redis and whatever is put into it', async () => {
  const result = await runRedisCampaign({
    ...{ events: TROUBLE_NAMES.length + 2, keys: 120, seed: 11, pauseMaxMs: 1_000, forgedMax: 4 },
    say: () => undefined,
  });
  expect(result.faults).toEqual([]);
  expect(Object.keys(result.events).toSorted()).toEqual(TROUBLE_NAMES.toSorted());
  // Whether a worker saw them before the next event took them is chance.
  expect(Object.values(result.forged).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3);
  expect(result.records).toBeGreaterThan(2_000);
}, 240_000);
