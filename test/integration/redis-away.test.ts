import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DURABILITIES } from '../../src/assembly/durability.ts';
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { EventBus } from '../../src/core/events.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { bullmqQueue } from '../../src/reconcile/bullmq/bullmq-queue.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

let dir = '';
let redis: RedisServer;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tierfall-redis-away-'));
  redis = await startRedis();
});
afterEach(async () => {
  await redis[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

function rig(durability: FallbackOptions['durability'] & string) {
  const held = memorySink();
  const sink = flakySink(held);
  sink.down('unavailable');
  const bus = new EventBus();
  const failed: string[] = [];
  bus.on('storageFailed', ({ operation, code }) => failed.push(`${operation} ${code}`));
  const open = (): Promise<Fallback> =>
    createFallback({
      dir,
      sink,
      bus,
      durability,
      queue: `${redis.url}?namespace=away`,
      retry: { attemptsMax: 1 },
      worker: false,
    });
  const landed = (): unknown[] => [...held.rows.values()].map((row) => (row as { n: unknown }).n);
  return { sink, failed, open, landed };
}

async function submit(fallback: Fallback, n: number): Promise<void> {
  const receipt = await fallback.submit({ body: `{"n":${n}}`, format: 'ndjson', orderingKey: 'k' });
  expect(receipt.deferred).toBe(1);
}

const jobs = (fallback: Fallback) => fallback.backlog.queue.depth().catch(() => undefined);

describe.each(DURABILITIES)('while Redis is away, durability "%s"', (durability) => {
  it('goes on acknowledging and storing, and announces everything by itself when it is back', async () => {
    const { sink, failed, open, landed } = rig(durability);
    const fallback = await open();
    await redis.kill();
    await submit(fallback, 0);
    await fallback.flush();
    const startedMs = performance.now();
    for (let n = 1; n < 20; n += 1) {
      await submit(fallback, n);
      await fallback.flush();
    }
    expect(performance.now() - startedMs, 'nobody waits for a Redis that is known to be away').toBeLessThan(
      15_000,
    );
    expect(await fallback.report()).toMatchObject({ rows: 20, pending: 20 });
    expect(fallback.journal.depth.entries).toBe(0);
    expect(failed).toContain('announce QUEUE_UNAVAILABLE');
    await redis.start();
    await expect.poll(() => jobs(fallback), { timeout: 20_000 }).toMatchObject({ waiting: 20 });
    sink.up();
    expect(await fallback.reconcile()).toMatchObject({ drained: true });
    await fallback.close();
    expect(landed()).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('loses nothing and keeps the order when the process ends before Redis is back', async () => {
    const { sink, open, landed } = rig(durability);
    const where = { connection: redis.url, namespace: 'away', chain: 'default', clock: systemClock };
    // A worker elsewhere: nothing tells it that something is missing, unless the writer does.
    const worker = bullmqQueue(where);
    expect(await (await worker.beginFill?.())?.end()).toBe(true);
    const first = await open();
    // It takes no writes now, and keeps its connections and all that it knows.
    await redis.client().config('SET', 'maxmemory', '1');
    await submit(first, 0);
    await first.flush();
    await first.close();
    await redis.client().config('SET', 'maxmemory', '0');
    const second = await open();
    await submit(second, 1);
    await second.flush();
    await expect.poll(() => jobs(second), { timeout: 20_000 }).toMatchObject({ waiting: 1 });
    await expect(worker.claim('early', 1_000)).rejects.toMatchObject({ code: 'QUEUE_FORGOT' });
    await worker.close();
    sink.up();
    expect(await second.reconcile()).toMatchObject({ drained: true });
    await second.close();
    expect(landed()).toEqual([0, 1]);
  });
});
