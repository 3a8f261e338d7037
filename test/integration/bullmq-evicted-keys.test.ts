import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import type { Job, Queue } from '../../src/reconcile/queue.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';
import { freshNamespace, sharedRedis } from '../support/redis-server.ts';

let redis: Awaited<ReturnType<typeof sharedRedis>>;
let namespace: string;
let queue: Queue;

beforeAll(async () => {
  redis = await sharedRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
beforeEach(() => {
  namespace = freshNamespace();
  queue = bullmqQueue({ connection: redis.url, chain: 'contract', clock: systemClock, namespace });
});
afterEach(() => queue.close());

async function fill(jobs: readonly Job[]): Promise<boolean> {
  const begun = await queue.beginFill?.();
  for (const job of jobs) await queue.announce(job);
  return (await begun?.end()) ?? false;
}

const keyOf = (name: string): string => `{${namespace}:contract}:${name}`;

/** Takes away single keys, as eviction does. */
async function lose(...names: string[]): Promise<void> {
  expect(await redis.client().del(...names.map(keyOf))).toBe(names.length);
}

async function expectForgot(): Promise<void> {
  await expect(queue.claim('early', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
}

/** What is there comes lane by lane in order, and nothing else. */
async function expectInOrder(jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) {
    const claimed = await queue.claim(`w${job.order}`, 10_000);
    expect(claimed).toMatchObject({ order: job.order });
    expect(claimed && (await queue.complete(claimed, `w${job.order}`))).toBe(true);
  }
  expect(await queue.claim('late', 1000)).toBeUndefined();
}

describe('a Redis that loses single keys', () => {
  const old = [contractJob(0, 1), contractJob(0, 2), contractJob(1, 3)];
  const newer = contractJob(0, 9);

  it.each([
    ['a lane', ['lane-0:prioritized']],
    ['a lane of one job', ['lane-1:prioritized']],
    ['what says which lanes there are', ['held']],
    ['a lane with its jobs', ['lane-0:prioritized', `lane-0:${old[0]?.id}`, `lane-0:${old[1]?.id}`]],
  ])('gives nothing newer of %s before a sweep (M4)', async (_, names) => {
    await fill(old);
    await lose(...names);
    await queue.announce(newer);
    await queue.announce(contractJob(1, 10));
    await expectForgot();
    await expectForgot();
    expect(await fill(old)).toBe(true);
    await expectInOrder([...old, newer, contractJob(1, 10)]);
  });

  it('gives nothing newer of a lane whose running job is on no list any more', async () => {
    await fill(old);
    const running = await queue.claim('a', 10_000);
    await lose('lane-0:active');
    await expectForgot();
    expect(await fill(old)).toBe(true);
    expect(running && (await queue.complete(running, 'a'))).toBe(true);
  });

  it('gives nothing newer in place of a job that lost its payload', async () => {
    await fill(old);
    await lose(`lane-0:${old[0]?.id}`);
    await expectForgot();
    expect(await fill(old)).toBe(true);
    await expectInOrder(old);
  });

  it('notices it again after jobs were lost, found and done', async () => {
    await fill(old);
    await lose('lane-0:prioritized');
    await expectForgot();
    await fill(old);
    await expectInOrder(old);
    await queue.announceAll?.([contractJob(0, 11), contractJob(0, 12)]);
    await lose('lane-0:prioritized');
    await queue.announce(contractJob(0, 13));
    await expectForgot();
  });

  it.each(['held', 'lane-0:prioritized'])('does not call a sweep whole that lost %s', async (name) => {
    await fill([]);
    const begun = await queue.beginFill?.();
    for (const job of old) await queue.announce(job);
    await lose(name);
    expect(await begun?.end()).toBe(false);
    await expectForgot();
  });

  it('keeps counting right when a claim takes a job between its being added and placed', async () => {
    await fill([]);
    for (let order = 1; order <= 40; order += 1) {
      const [job] = await Promise.all([
        queue.announce(contractJob(0, order)),
        queue.claim(`x${order}`, 10_000),
      ]);
      expect(job).toBe('added');
      const running = await queue.claim(`y${order}`, 10_000);
      for (const worker of [`x${order}`, `y${order}`]) await queue.complete(contractJob(0, order), worker);
      expect(running?.order ?? order).toBe(order);
    }
    expect(await queue.claim('late', 1000)).toBeUndefined();
    expect(await redis.client().hget(keyOf('held'), '0')).toBe('0');
  });
});
