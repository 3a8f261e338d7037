/** Two writers that share their ordering keys: what one has deferred fences the batches of the other. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { EventBus } from '../../src/core/events.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

let root: string;
let redis: RedisServer;
let opened: Fallback[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'tierfall-shared-'));
  redis = await startRedis();
  opened = [];
});
afterEach(async () => {
  for (const writer of opened) await writer.close().catch(() => undefined);
  await redis[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

function rig() {
  const held = memorySink();
  return { held, sink: flakySink(held) };
}

async function open({ sink }: ReturnType<typeof rig>, name: string, changes: Partial<FallbackOptions> = {}) {
  const writer = await createFallback({
    dir: join(root, name),
    store: `fs:${join(root, 'objects')}`,
    queue: redis.url,
    durability: 'store',
    sink,
    retry: { attemptsMax: 1, firstMs: 1 },
    limits: { primary: { breaker: false }, 'schema-retry': { breaker: false } },
    worker: false,
    bus: new EventBus(),
    ...changes,
  });
  opened.push(writer);
  return writer;
}

let sent = 0;
const send = (writer: Fallback, orderingKey: string) => {
  sent += 1;
  return writer.submit({ body: `{"n":${sent}}`, format: 'ndjson', orderingKey });
};
const numbers = ({ held }: ReturnType<typeof rig>): number[] =>
  held.order.map((key) => (held.rows.get(key) as { n: number }).n);

describe('keys that two writers share', () => {
  it('are fenced for both by what one has deferred, and open for both when it is settled', async () => {
    const scene = rig();
    const [one, two] = [await open(scene, 'one'), await open(scene, 'two')];
    const from = sent;
    expect(await send(two, 'a')).toMatchObject({ delivered: 1 });
    scene.sink.down('unavailable');
    expect(await send(one, 'a')).toMatchObject({ deferred: 1 });
    scene.sink.up();
    expect(await send(two, 'a')).toMatchObject({ deferred: 1 });
    expect(await send(one, 'a')).toMatchObject({ deferred: 1 });
    expect(await two.submit({ body: '{"n":0}', format: 'ndjson', orderingKey: 'b' })).toMatchObject({
      delivered: 1,
    });
    const worker = await open(scene, 'worker', { worker: { idleMs: 20 } });
    await expect.poll(async () => (await send(two, 'a')).delivered, { timeout: 60_000, interval: 300 }).toBe(1);
    await expect.poll(async () => (await send(one, 'a')).delivered, { timeout: 60_000, interval: 300 }).toBe(1);
    await worker.reconcile();
    const landed = numbers(scene).filter((n) => n > 0);
    expect(landed).toEqual(Array.from({ length: sent - from }, (_, n) => from + n + 1));
  }, 120_000);

  it('stay fenced when Redis forgets, also for what a writer deferred that is gone', async () => {
    const scene = rig();
    const [one, two] = [await open(scene, 'one'), await open(scene, 'two')];
    scene.sink.down('unavailable');
    await send(one, 'a');
    await one.close();
    await redis.client().flushall();
    scene.sink.up();
    expect(await send(two, 'a')).toMatchObject({ deferred: 1 });
    expect(await send(two, 'b')).toMatchObject({ delivered: 1 });
  }, 120_000);

  it('are deferred while nobody can say what others have, and others are not held up', async () => {
    const scene = rig();
    const two = await open(scene, 'two');
    expect(await send(two, 'a')).toMatchObject({ delivered: 1 });
    await redis.kill();
    expect(await send(two, 'a')).toMatchObject({ deferred: 1 });
    expect(await two.submit({ body: '{"n":0}', format: 'ndjson' })).toMatchObject({ delivered: 1 });
    await redis.start();
    // What is sent before it is known again what others have is deferred too, so somebody has to bring it back.
    await open(scene, 'worker', { worker: { idleMs: 20 } });
    await expect.poll(async () => (await send(two, 'a')).delivered, { timeout: 60_000, interval: 300 }).toBe(1);
  }, 150_000);

  it('are known to a writer that starts', async () => {
    const scene = rig();
    const one = await open(scene, 'one');
    scene.sink.down('unavailable');
    await send(one, 'a');
    scene.sink.up();
    const two = await open(scene, 'two');
    expect(await send(two, 'a')).toMatchObject({ deferred: 1 });
    expect(await send(two, 'b')).toMatchObject({ delivered: 1 });
  }, 120_000);
});
