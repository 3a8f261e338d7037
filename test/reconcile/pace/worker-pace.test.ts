import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Batch } from '../../../src/core/batch.ts';
import { createScene, entryOf, type Scene } from '../scene.ts';

function lines(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `{"id":"${prefix}-${n}"}`);
}

let scene: Scene;
beforeEach(async () => {
  scene = await createScene();
});
afterEach(() => scene.close());

async function putAll(jobs: number, entries: number, rows: number): Promise<void> {
  for (let n = 0; n < jobs; n += 1) {
    const some = Array.from({ length: entries }, (_, at) => entryOf(lines(`${n}-${at}`, rows)));
    await scene.put(n, some);
  }
}

it('sends one probe per pause while the sink is away, whatever waits, and claims nothing between', async () => {
  await putAll(8, 2, 5);
  const sentMs: number[] = [];
  scene.chain.judge = () => ({ reason: 'unavailable' });
  scene.chain.before = async () => void sentMs.push(scene.clock.now());
  let claims = 0;
  const queue = new Proxy(scene.queue, {
    get: (target, name: keyof Scene['queue']) => {
      const member = target[name] as unknown;
      if (name === 'claim') claims += 1;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const worker = scene.worker({ concurrency: 8, queue });
  worker.start();
  await scene.clock.advance(20_000);
  const first = sentMs.filter((ms) => ms === sentMs[0]).length;
  expect(first).toBeLessThanOrEqual(4);
  expect(sentMs.length - first).toBeLessThanOrEqual(5);
  expect(claims).toBeLessThan(30);
  expect(worker.pace).toMatchObject({ isPaused: true, rowsPerSecond: 0, inFlight: 0 });
  scene.chain.judge = () => undefined;
  expect(await scene.until(worker.drain())).toMatchObject({ drained: true });
  expect(scene.events.map(({ name }) => name)).toContain('replayResumed');
  expect(await scene.report()).toMatchObject({ delivered: 80, quarantined: 0, balanced: true });
  await scene.until(worker.close());
});

it('gives back what waits for its turn when it is closed, and keeps the lease until then', async () => {
  await putAll(1, 3, 1_000);
  const worker = scene.worker({ pace: { rowsPerSecondStart: 100, rowsPerSecondMax: 100 }, leaseMs: 3_000 });
  worker.start();
  await scene.clock.advance(8_000);
  expect(scene.chain.rows.size).toBe(1_000);
  expect(worker.stats).toMatchObject({ running: 1, lost: 0 });
  const closing = worker.close();
  await scene.clock.advance(0);
  await closing;
  expect(await scene.queue.depth()).toMatchObject({ waiting: 1, active: 0, postponed: 0 });
  expect(scene.clock.pending).toBe(0);
});

it('stops waiting for its turn when the lease is lost', async () => {
  await putAll(1, 2, 1_000);
  let isLost = false;
  const queue = new Proxy(scene.queue, {
    get: (target, name: keyof Scene['queue']) => {
      if (name === 'checkpoint' && isLost) return async () => false;
      const member = target[name] as unknown;
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const worker = scene.worker({
    queue,
    pace: { rowsPerSecondStart: 100, rowsPerSecondMax: 100 },
    leaseMs: 3_000,
  });
  worker.start();
  await scene.clock.advance(500);
  isLost = true;
  await scene.clock.advance(1_500);
  expect(worker.stats).toMatchObject({ lost: 1 });
  await scene.until(worker.close());
});

it('asks a partitioned sink with one entry at a time', async () => {
  await putAll(4, 4, 5);
  let isPartitioned = true;
  const seen: Batch[] = [];
  scene.chain.before = async (batch) => void seen.push(batch);
  const worker = scene.worker({ isPartitioned: () => isPartitioned });
  worker.start();
  await scene.clock.advance(65_000);
  expect(seen.length).toBeGreaterThanOrEqual(2);
  expect(seen.length).toBeLessThanOrEqual(6);
  isPartitioned = false;
  expect(await scene.until(worker.drain())).toMatchObject({ drained: true });
  await scene.until(worker.close());
});
