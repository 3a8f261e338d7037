import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { RedisBacklog } from './redis-backlog.ts';

let redis: RedisServer;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(() => redis[Symbol.asyncDispose]());

/** Cuts so much off the append-only file, as a power cut does with what was not synced yet. */
function loseTail(share: number): void {
  const directory = join(redis.directory, 'appendonlydir');
  const [name = ''] = readdirSync(directory).filter((file) => file.endsWith('.incr.aof'));
  const file = join(directory, name);
  const { size } = statSync(file);
  expect(size).toBeGreaterThan(10_000);
  truncateSync(file, Math.floor(size * (1 - share)));
}

describe('a Redis that loses its last writes in the middle of a drain', () => {
  it.each([
    ['what a worker did', 0.02],
    ['nearly all, in the middle of a command', 0.97],
  ])('loses %s: no row is lost or landed twice, and each key keeps its order', async (_, share) => {
    await using backlog = new RedisBacklog({ connection: redis.url, connectWithinMs: 300 });
    await backlog.defer(24);
    await backlog.landing(40);
    await redis.kill();
    loseTail(share);
    await redis.start();
    await backlog.landed(60);
    // What is announced after the loss must not overtake what the queue has forgotten.
    await redis.kill();
    loseTail(share);
    await backlog.defer(6);
    await redis.start();
    await backlog.landing(80);
    await backlog.expectAllOnceInOrder();
  });
});
