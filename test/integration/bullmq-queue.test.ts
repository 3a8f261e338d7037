import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/platform/system-clock.ts';
import { type BullmqQueueOptions, bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import type { Queue } from '../../src/reconcile/queue.ts';
import { contractJob, queueContract } from '../../src/testing/queue-contract.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { freshNamespace, type RedisServer, sharedRedis, startRedis } from '../support/redis-server.ts';

const opened: Queue[] = [];

/** A queue that was filled by a sweep of an empty store. */
async function openQueue(
  options: Pick<BullmqQueueOptions, 'connection'> & Partial<BullmqQueueOptions>,
): Promise<Queue> {
  const queue = bullmqQueue({ chain: 'contract', clock: systemClock, ...options });
  opened.push(queue);
  const fill = await queue.beginFill?.();
  await fill?.end();
  return queue;
}

afterAll(async () => {
  for (const queue of opened) await queue.close();
});

function contractOn(connection: () => BullmqQueueOptions['connection']): void {
  const contract = queueContract(async () => {
    const namespace = freshNamespace();
    const queues: Queue[] = [];
    return {
      open: async () => {
        const queue = await openQueue({ connection: connection(), namespace });
        queues.push(queue);
        return queue;
      },
      pass: async (ms) => {
        await sleep(ms);
      },
      close: async () => {
        for (const queue of queues) await queue.close();
      },
    };
  });
  for (const c of contract) it(c.name, { timeout: 120_000 }, c.run);
}

describe('the queue in Redis', () => {
  let redis: Awaited<ReturnType<typeof sharedRedis>>;
  beforeAll(async () => {
    redis = await sharedRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  contractOn(() => redis.url);

  it('runs a lane in order of the journal beyond what a priority can tell', async () => {
    const queue = await openQueue({ connection: redis.url, namespace: freshNamespace() });
    const orders = [9_007_194_959_773_000, 5, 4_294_967_296, 2_097_153, 2_097_152];
    for (const order of orders) await queue.announce(contractJob(0, order));
    for (const order of orders.toSorted((a, b) => a - b)) {
      const job = await queue.claim(`w-${order}`, 10_000);
      expect(job?.order).toBe(order);
      expect(job && (await queue.complete(job, `w-${order}`))).toBe(true);
    }
  });

  it('claims the oldest head first, so that no lane starves', async () => {
    const queue = await openQueue({ connection: redis.url, namespace: freshNamespace() });
    await queue.announce(contractJob(0, 50));
    await queue.announce(contractJob(9, 5));
    expect(await queue.claim('a', 1000)).toMatchObject({ lane: 9 });
  });

  it('names the refs of all jobs it holds, running ones too', async () => {
    const queue = await openQueue({ connection: redis.url, namespace: freshNamespace() });
    const jobs = Array.from({ length: 1_100 }, (_, n) => contractJob(n % 2, n));
    await Promise.all(jobs.map((job) => queue.announce(job)));
    await queue.claim('a', 1000);
    expect(await queue.refs?.()).toEqual(jobs.map(({ ref }) => ref).sort());
  });

  it('keeps pipelines of other namespaces and chains apart', async () => {
    const namespace = freshNamespace();
    const queue = await openQueue({ connection: redis.url, namespace });
    await queue.announce(contractJob(0, 1));
    for (const other of [{ namespace: freshNamespace() }, { namespace, chain: 'orders' }]) {
      const apart = await openQueue({ connection: redis.url, ...other });
      expect(await apart.claim('a', 1000)).toBeUndefined();
      expect(await apart.depth()).toMatchObject({ waiting: 0 });
    }
  });

  it('starts no more jobs of a lane than its limit allows', async () => {
    const laneLimit = { max: 2, durationMs: 60_000 };
    const queue = await openQueue({ connection: redis.url, namespace: freshNamespace(), laneLimit });
    for (const order of [1, 2, 3]) await queue.announce(contractJob(0, order));
    for (const worker of ['a', 'b']) {
      const job = await queue.claim(worker, 1000);
      expect(job && (await queue.complete(job, worker))).toBe(true);
    }
    expect(await queue.claim('c', 1000)).toBeUndefined();
    expect(await queue.depth()).toMatchObject({ postponed: 1, waiting: 0 });
  });
});

describe('the queue in a Redis Cluster of three nodes', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster(3);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());
  contractOn(() => ({ cluster: cluster.urls.slice(0, 1) }));

  it('keeps everything of a pipeline in one slot, and pipelines on different nodes', async () => {
    const slots = new Set<number>();
    const used = new Set<number>();
    for (let pipeline = 0; pipeline < 12; pipeline += 1) {
      const namespace = `pipeline-${pipeline}`;
      const queue = await openQueue({ connection: { cluster: cluster.urls }, namespace });
      for (let lane = 0; lane < 8; lane += 1) await queue.announce(contractJob(lane, lane + 1));
      for (let claim = 0; claim < 8; claim += 1)
        expect(await queue.claim(`w${claim}`, 10_000)).toMatchObject({ lane: claim });
      const own = new Set<number>();
      for (const [at, node] of cluster.nodes.entries()) {
        const client = node.client();
        const keys = await client.keys(`*${namespace}:*`);
        for (const key of keys) own.add(await client.cluster('KEYSLOT', key));
        if (keys.length > 0) used.add(at);
      }
      expect(own.size).toBe(1);
      for (const slot of own) slots.add(slot);
    }
    expect(slots.size).toBeGreaterThan(6);
    expect(used.size).toBe(3);
  });
});

describe('the queue behind Sentinel', () => {
  let primary: RedisServer;
  let sentinel: RedisServer;
  beforeAll(async () => {
    primary = await startRedis();
    const watch = `sentinel monitor jobs 127.0.0.1 ${primary.port} 1\n`;
    sentinel = await startRedis({ sentinel: watch });
  });
  afterAll(async () => {
    await sentinel?.[Symbol.asyncDispose]();
    await primary?.[Symbol.asyncDispose]();
  });

  it('is found by the name of its primary', async () => {
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }];
    const connection = { sentinels, name: 'jobs' };
    const queue = await openQueue({ connection, namespace: freshNamespace() });
    const job = contractJob(0, 1);
    await queue.announce(job);
    expect(await queue.claim('a', 1000)).toMatchObject(job);
    expect(await queue.complete(job, 'a')).toBe(true);
  });
});
