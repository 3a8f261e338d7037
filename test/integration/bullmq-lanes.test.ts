import { setTimeout as sleep } from 'node:timers/promises';
import { Queue as BullmqLane, type ConnectionOptions } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import { Lane, loadBullmq } from '../../src/reconcile/bullmq/lanes.ts';
import type { Job, Queue } from '../../src/reconcile/queue.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';
import { freshNamespace, sharedRedis } from '../support/redis-server.ts';

let redis: Awaited<ReturnType<typeof sharedRedis>>;
let prefix: string;
let queue: Queue;

beforeAll(async () => {
  redis = await sharedRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(() => {
  const namespace = freshNamespace();
  prefix = `{${namespace}:contract}`;
  queue = bullmqQueue({ connection: redis.url, chain: 'contract', clock: systemClock, namespace });
});
afterEach(() => queue.close());

async function fill(jobs: readonly Job[]): Promise<void> {
  const begun = await queue.beginFill?.();
  for (const job of jobs) await queue.announce(job);
  await begun?.end();
}

describe('a lane that BullMQ holds back', () => {
  async function heldBack(hold: (lane: BullmqLane) => Promise<unknown>): Promise<void> {
    await fill([contractJob(0, 1), contractJob(1, 2)]);
    const connection = redis.client() as unknown as ConnectionOptions;
    const lane = new BullmqLane('lane-0', { connection, prefix });
    await hold(lane);
    await lane.close();
  }

  it.each([
    ['paused', (lane: BullmqLane) => lane.pause()],
    [
      'at its global rate limit',
      async (lane: BullmqLane) => {
        await lane.setGlobalRateLimit(1, 60_000);
        await redis.client().set(`${prefix}:lane-0:limiter`, 1, 'PX', 60_000);
      },
    ],
  ])(
    'holds up no other lane, no claim and no close while it is %s',
    async (_, hold) => {
      await heldBack(hold);
      const job = await queue.claim('a', 10_000);
      expect(job).toMatchObject({ lane: 1 });
      expect(job && (await queue.complete(job, 'a'))).toBe(true);
      expect(await queue.claim('b', 10_000)).toBeUndefined();
      await queue.close();
    },
    5_000,
  );

  it('goes on when it is resumed', async () => {
    await heldBack(async (lane) => {
      await lane.pause();
      await lane.resume();
    });
    expect(await queue.claim('a', 1000)).toMatchObject({ lane: 0 });
  });
});

describe('a job that was given back', () => {
  it.each([0, 1])(
    'is the head of its lane at once, for whoever takes it without a look (%i ms)',
    async (delayMs) => {
      await fill([contractJob(0, 1), contractJob(0, 2)]);
      const claimed = await queue.claim('a', 10_000);
      expect(claimed && (await queue.postpone(claimed, 'a', delayMs, 'stopped'))).toBe(true);
      await sleep(delayMs * 20);
      const lane = new Lane({
        bullmq: await loadBullmq(),
        client: redis.client(),
        prefix,
        lane: 0,
        limit: { max: 1_000_000, durationMs: 1_000 },
      });
      expect(await lane.take('b', 10_000)).toMatchObject({ id: contractJob(0, 1).id, taken: 2 });
      await lane.close();
    },
  );

  it('is not given back, and its lane not held up, by who does not hold it', async () => {
    await fill([contractJob(0, 1), contractJob(0, 2)]);
    const job = await queue.claim('a', 10_000);
    expect(job && (await queue.postpone(job, 'stranger', 60_000, 'unavailable'))).toBe(false);
    expect(job && (await queue.complete(job, 'a'))).toBe(true);
    expect(await queue.claim('b', 1000)).toMatchObject({ order: 2 });
  });
});
