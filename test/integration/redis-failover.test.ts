import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { RedisBacklog } from './redis-backlog.ts';

let primary: RedisServer;
let replica: RedisServer;
let sentinel: RedisServer;

beforeEach(async () => {
  primary = await startRedis();
  replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] });
  await expect.poll(() => replicaInfo(), { timeout: 20_000 }).toContain('master_link_status:up');
  sentinel = await startRedis({
    sentinel: [
      `sentinel monitor jobs 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds jobs 500',
      'sentinel failover-timeout jobs 5000\n',
    ].join('\n'),
  });
  const watch = sentinel.client();
  const replicas = async (): Promise<number> =>
    ((await watch.call('SENTINEL', 'REPLICAS', 'jobs')) as []).length;
  await expect.poll(replicas, { timeout: 20_000 }).toBe(1);
});
afterEach(async () => {
  for (const server of [sentinel, replica, primary]) await server?.[Symbol.asyncDispose]();
});

const replicaInfo = (): Promise<string> => replica.client().info('replication');

/** The replica goes on with what it has, and hears nothing new: its primary refuses it. */
async function cutReplication(): Promise<void> {
  const client = replica.client();
  await client.config('SET', 'masteruser', 'nobody');
  await client.config('SET', 'masterauth', 'wrong');
  await primary.client().call('CLIENT', 'KILL', 'TYPE', 'replica');
  await expect.poll(() => replicaInfo(), { timeout: 5_000 }).toContain('master_link_status:down');
}

describe('a failover by Sentinel in the middle of a drain', () => {
  it.each([
    ['knows nothing', 0],
    ['is behind', 12],
  ])(
    'to a replica that %s: no row is lost or landed twice, and each key keeps its order',
    async (_, known) => {
      const connection = { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'jobs' };
      await using backlog = new RedisBacklog({ connection, connectWithinMs: 300 });
      if (known > 0) await backlog.defer(known);
      await primary.client().wait(1, 5_000);
      await cutReplication();
      await backlog.defer(24 - known);
      const there = await primary.client().dbsize();
      const copied = await replica.client().dbsize();
      expect(copied).toBeLessThan(there);
      expect(copied > 0).toBe(known > 0);
      await backlog.landing(40);
      await primary.kill();
      await expect.poll(() => replicaInfo(), { timeout: 20_000 }).toContain('role:master');
      await backlog.defer(6);
      await backlog.landing(60);
      await backlog.expectAllOnceInOrder();
      expect(await replica.client().dbsize()).toBeGreaterThan(0);
    },
    180_000,
  );
});
