import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { type BullmqQueueOptions, bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import { Lane } from '../../src/reconcile/bullmq/lanes.ts';
import type { Job, Queue } from '../../src/reconcile/queue.ts';
import { contractJob } from '../../src/testing/queue-contract.ts';
import { freshNamespace, type RedisServer, startRedis } from '../support/redis-server.ts';

let redis: RedisServer;
let namespace: string;
let warnings: string[];
const opened: Queue[] = [];

beforeEach(async () => {
  redis = await startRedis();
  namespace = freshNamespace();
  warnings = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const queue of opened.splice(0)) await queue.close();
  await redis[Symbol.asyncDispose]();
});

function openQueue(options: Partial<BullmqQueueOptions> = {}): Queue {
  const warn = (code: string, message: string): void => void warnings.push(`${code} ${message}`);
  const queue = bullmqQueue({
    connection: redis.url,
    chain: 'contract',
    clock: systemClock,
    namespace,
    connectWithinMs: 300,
    commandTimeoutMs: 500,
    warn,
    ...options,
  });
  opened.push(queue);
  return queue;
}

async function fill(queue: Queue, jobs: readonly Job[] = []): Promise<boolean> {
  const begun = await queue.beginFill?.();
  for (const job of jobs) await queue.announce(job);
  return (await begun?.end()) ?? false;
}

const laneKey = (lane: number): string => `{${namespace}:contract}:lane-${lane}`;

/** Writes a field of a job as somebody with access to Redis would. */
async function edit(job: Job, changes: Readonly<Record<string, unknown>>): Promise<void> {
  const client = redis.client();
  const key = `${laneKey(job.lane)}:${job.id}`;
  const data = JSON.parse((await client.hget(key, 'data')) ?? '{}') as object;
  await client.hset(key, 'data', JSON.stringify({ ...data, ...changes }));
}

describe('a Redis that is away', () => {
  it('fails calls at once instead of letting them wait, and goes on when it is back', async () => {
    const queue = openQueue();
    await fill(queue, [contractJob(0, 1), contractJob(0, 2)]);
    const held = await queue.claim('a', 10_000);
    await redis.kill();
    const startedMs = performance.now();
    await expect(queue.announce(contractJob(0, 3))).rejects.toMatchObject({
      name: 'StorageError',
      code: 'QUEUE_UNAVAILABLE',
      retryable: true,
    });
    await expect(queue.depth()).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await sleep(1_100);
    await redis.start();
    await expect
      .poll(() => queue.depth().catch(() => undefined), { timeout: 10_000 })
      .toMatchObject({ active: 1, waiting: 1 });
    expect(held && (await queue.checkpoint(held, 'a', 10_000, 1))).toBe(true);
    await expect(queue.claim('b', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    expect(await fill(queue)).toBe(true);
    expect(held && (await queue.complete(held, 'a'))).toBe(true);
    expect(await queue.claim('b', 1000)).toMatchObject({ order: 2 });
  });

  it('fails calls to a Redis that does not answer, and loses nothing by it', async () => {
    const queue = openQueue();
    await fill(queue);
    await queue.announce(contractJob(0, 1));
    redis.signal('SIGSTOP');
    await expect(queue.announce(contractJob(0, 2))).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    redis.signal('SIGCONT');
    await sleep(300);
    await queue.announce(contractJob(0, 2));
    expect(await queue.depth()).toMatchObject({ waiting: 2 });
  });

  it('says so when nothing listens at all', async () => {
    await redis.kill();
    await expect(openQueue().knows?.(['a'])).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
  });
});

describe('a Redis that forgets', () => {
  it('gives nothing after FLUSHALL until a sweep has filled it, in the right order then', async () => {
    const queue = openQueue();
    await fill(queue, [contractJob(0, 1), contractJob(0, 2)]);
    const held = await queue.claim('a', 10_000);
    await redis.client().flushall();
    await queue.announce(contractJob(0, 3));
    await expect(queue.claim('b', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    expect(held && (await queue.complete(held, 'a'))).toBe(false);
    expect(await fill(queue, [contractJob(0, 1), contractJob(0, 2)])).toBe(true);
    for (const order of [1, 2, 3]) {
      const job = await queue.claim(`w${order}`, 1000);
      expect(job?.order).toBe(order);
      expect(job && (await queue.complete(job, `w${order}`))).toBe(true);
    }
  });

  it('does not call a sweep whole when it was flushed meanwhile', async () => {
    const queue = openQueue();
    const begun = await queue.beginFill?.();
    await queue.announce(contractJob(0, 1));
    await redis.client().flushall();
    expect(await begun?.end()).toBe(false);
    await expect(queue.claim('a', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
  });

  it('gives nothing when it is flushed, and a newer job announced, after its lane was found', async () => {
    const queue = openQueue();
    await fill(queue, [contractJob(0, 1), contractJob(0, 2)]);
    const { take } = Lane.prototype;
    vi.spyOn(Lane.prototype, 'take').mockImplementationOnce(async function (this: Lane, ...claim) {
      await redis.client().flushall();
      await queue.announce(contractJob(0, 2));
      return take.apply(this, claim);
    });
    await expect(queue.claim('a', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    expect(await queue.depth()).toMatchObject({ waiting: 1, active: 0 });
  });

  it('gives nothing when the connection became another one after its lane was found', async () => {
    const queue = openQueue();
    await fill(queue, [contractJob(0, 1)]);
    const { take } = Lane.prototype;
    vi.spyOn(Lane.prototype, 'take').mockImplementationOnce(async function (this: Lane, ...claim) {
      const taken = await take.apply(this, claim);
      await redis.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await sleep(100);
      await expect.poll(() => queue.depth().catch(() => undefined), { timeout: 10_000 }).toBeDefined();
      return taken;
    });
    await expect(queue.claim('a', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    expect(await queue.depth()).toMatchObject({ waiting: 1, active: 0 });
  });

  it('does not call a sweep whole when the connection was another one meanwhile', async () => {
    const queue = openQueue();
    const begun = await queue.beginFill?.();
    await sleep(1_100);
    await redis.kill();
    await redis.start();
    await expect.poll(() => queue.depth().catch(() => undefined), { timeout: 10_000 }).toBeDefined();
    expect(await begun?.end()).toBe(false);
    await expect(queue.claim('a', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
  });

  it('refuses a Redis that may evict keys, or warns of it when told to', async () => {
    const client = redis.client();
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(openQueue().announce(contractJob(0, 1))).rejects.toMatchObject({
      name: 'ConfigError',
      path: 'queue',
    });
    expect(await openQueue({ eviction: 'warn' }).announce(contractJob(0, 1))).toBe('added');
    expect(warnings).toEqual([expect.stringContaining('QUEUE_EVICTS')]);
  });

  it('says that its memory is full', async () => {
    const queue = openQueue();
    await fill(queue);
    await redis.client().config('SET', 'maxmemory', '1');
    await expect(queue.announce(contractJob(0, 1))).rejects.toMatchObject({
      code: 'QUEUE_FULL',
      retryable: true,
    });
  });
});

describe('jobs that nobody announced', () => {
  it.each([
    ['another version', { v: 2 }],
    ['another chain', { chain: 'orders' }],
    ['another ref', { ref: contractJob(0, 9).ref }],
    ['another lane', { lane: 3 }],
    ['another order', { order: 0 }],
    ['another digest', { sha256: 'ab'.repeat(32) }],
    ['rows that are none', { rows: -1 }],
    ['no order at all', { order: 'first' }],
  ])('throws out a job with %s, and asks for a sweep', async (_, changes) => {
    const queue = openQueue();
    const job = contractJob(0, 1);
    await fill(queue, [job]);
    await edit(job, changes);
    await expect(queue.claim('a', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    expect(warnings).toEqual([expect.stringContaining('QUEUE_FORGED')]);
    expect(await fill(queue, [job])).toBe(true);
    expect(await queue.claim('b', 1000)).toMatchObject(job);
  });

  it('throws out copies under other ids and in other lanes, and what is no job at all', async () => {
    const queue = openQueue();
    const job = contractJob(0, 1);
    await fill(queue, [job, contractJob(1, 2)]);
    const client = redis.client();
    const copy = await client.hgetall(`${laneKey(0)}:${job.id}`);
    await client.hset(`${laneKey(0)}:copy`, copy);
    await client.zadd(`${laneKey(0)}:prioritized`, 0, 'copy');
    await client.hset(`${laneKey(1)}:${job.id}`, copy);
    await client.lpush(`${laneKey(1)}:wait`, job.id, 'nothing-behind-it');
    await client.hset(`${laneKey(1)}:broken`, { data: '{', opts: '{', progress: '[' });
    await client.zadd(`${laneKey(1)}:prioritized`, 1, 'broken');
    const got: Job[] = [];
    for (let n = 0; got.length < 2 && n < 20; n += 1) {
      const claimed = await queue.claim(`w${n}`, 1000).catch(() => undefined);
      if (claimed) got.push(claimed);
      else await fill(queue);
    }
    expect(got).toMatchObject([job, contractJob(1, 2)]);
    expect(warnings.length).toBe(4);
    expect(await queue.depth()).toMatchObject({ active: 2, waiting: 0 });
  });

  it.each([
    ['STORAGE_ROWS_MISMATCH', { rows: 99 }],
    ['STORAGE_JOB_MISMATCH', { sha256: contractJob(0, 1).sha256.replace(/.{32}$/, '0'.repeat(32)) }],
  ])(
    'throws out a job that the store belies (%s), so that a sweep can announce what is there',
    async (reason, lie) => {
      const queue = openQueue();
      const job = contractJob(0, 1);
      await fill(queue, [job]);
      await edit(job, lie);
      const claimed = await queue.claim('a', 1000);
      expect(claimed).toMatchObject(lie);
      expect(claimed && (await queue.postpone(claimed, 'a', 60_000, reason))).toBe(true);
      expect(await fill(queue, [job])).toBe(true);
      expect(await queue.claim('b', 1000)).toMatchObject(job);
    },
  );

  it('keeps the job of an object that rotted', async () => {
    const queue = openQueue();
    await fill(queue, [contractJob(0, 1), contractJob(0, 2)]);
    const claimed = await queue.claim('a', 1000);
    expect(claimed && (await queue.postpone(claimed, 'a', 0, 'STORAGE_CORRUPT'))).toBe(true);
    expect(await queue.claim('b', 1000)).toMatchObject({ order: 1 });
  });

  it('is not filled by a sweep that had counted a job as known before it was thrown out', async () => {
    const [queue, other] = [openQueue(), openQueue()];
    const jobs = [contractJob(0, 1), contractJob(0, 2)];
    await fill(queue, jobs);
    const sweeping = await other.beginFill?.();
    expect((await other.knows?.(jobs.map(({ id }) => id)))?.size).toBe(2);
    const claimed = await queue.claim('a', 1000);
    expect(claimed && (await queue.postpone(claimed, 'a', 0, 'STORAGE_JOB_MISMATCH'))).toBe(true);
    expect(await sweeping?.end()).toBe(false);
    await expect(other.claim('b', 1000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    expect(await fill(other, jobs)).toBe(true);
    expect(await other.claim('c', 1000)).toMatchObject({ order: 1 });
  });

  it('runs a job again that was left in no list', async () => {
    const queue = openQueue();
    const job = contractJob(0, 1);
    await fill(queue, [job]);
    const client = redis.client();
    await client.zrem(`${laneKey(0)}:prioritized`, job.id);
    await client.zadd(`${laneKey(0)}:failed`, 1, job.id);
    expect([...((await queue.knows?.([job.id])) ?? [])]).toEqual([]);
    await queue.announce(job);
    expect(await fill(queue, [job])).toBe(true);
    expect(await queue.claim('a', 1000)).toMatchObject(job);
  });
});
