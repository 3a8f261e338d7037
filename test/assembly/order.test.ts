/** Records of one ordering key reach the sink in submit order, whatever became of the batches before them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFallback, type Fallback, type FallbackOptions } from '../../src/assembly/fallback.ts';
import { openReconciler } from '../../src/assembly/reconciler.ts';
import { EventBus } from '../../src/core/events.ts';
import type { Receipt } from '../../src/core/outcome.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock, systemRandom } from '../../src/platform/system-clock.ts';
import type { Sink } from '../../src/sinks/sink.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tierfall-order-'));
});
afterEach(() => rm(dir, { recursive: true }));

interface Arrival {
  readonly key: string;
  readonly n: number;
}

/** A sink that knows in which order records came. */
function arrivals() {
  const seen: Arrival[] = [];
  const held = new Set<string>();
  const sink: Sink = {
    name: 'arrivals',
    accepts: 'records',
    idempotent: true,
    async write({ records, keys }) {
      for (const [i, key] of keys.entries()) {
        if (held.has(key)) continue;
        held.add(key);
        seen.push(records?.[i] as unknown as Arrival);
      }
      return undefined;
    },
    async lookup(keys) {
      return new Set(keys.filter((key) => held.has(key)));
    },
  };
  return { seen, sink: flakySink(sink) };
}

function inversions(seen: readonly Arrival[]): number {
  const last = new Map<string, number>();
  let count = 0;
  for (const { key, n } of seen) {
    if (n < (last.get(key) ?? -1)) count += 1;
    else last.set(key, n);
  }
  return count;
}

type Scene = ReturnType<typeof arrivals>;

function open({ sink }: Scene, changes: Partial<FallbackOptions> = {}): Promise<Fallback> {
  return createFallback({
    dir,
    sink,
    retry: { attemptsMax: 1, firstMs: 1 },
    limits: { primary: { breaker: false }, 'schema-retry': { breaker: false } },
    worker: { idleMs: 20 },
    ...changes,
  });
}

class Source {
  readonly #sent = new Map<string, number>();
  readonly receipts: Promise<Receipt>[] = [];

  send(fallback: Fallback, orderingKey: string): Promise<Receipt> {
    const n = this.#sent.get(orderingKey) ?? 0;
    this.#sent.set(orderingKey, n + 1);
    const body = JSON.stringify({ key: orderingKey, n });
    const receipt = fallback.submit({ id: `${orderingKey}-${n}`, body, format: 'ndjson', orderingKey });
    this.receipts.push(receipt);
    return receipt;
  }

  get total(): number {
    return [...this.#sent.values()].reduce((sum, n) => sum + n, 0);
  }
}

/** A pipeline with one deferred batch of the key `a`, and a sink that is back. */
async function withDeferredBatch() {
  const scene = arrivals();
  const fallback = await open(scene, { worker: false });
  const source = new Source();
  scene.sink.down('unavailable');
  await source.send(fallback, 'a');
  scene.sink.up();
  return { scene, fallback, source };
}

const KEYS = Array.from({ length: 12 }, (_, n) => `k${n}`);

describe('order per key', () => {
  it.each(['journal', 'store'] as const)(
    'holds through an outage under load, and live traffic comes back, with durability %s',
    async (durability) => {
      const scene = arrivals();
      const fallback = await open(scene, { durability });
      const source = new Source();
      const until = async (isOver: () => boolean) => {
        while (!isOver()) {
          for (const key of KEYS) void source.send(fallback, key);
          await sleep(10);
        }
      };
      let ticks = 0;
      await until(() => ++ticks > 10);
      scene.sink.down('unavailable');
      await until(() => ++ticks > 40);
      scene.sink.up();
      // Every key is live again while its batches still come, faster than the way through the store.
      let live = 0;
      const isLive = async () => {
        const receipts = await Promise.all(KEYS.map((key) => source.send(fallback, key)));
        live = receipts.every(({ delivered }) => delivered === 1) ? live + 1 : 0;
      };
      while (live < 5) {
        await isLive();
        await sleep(10);
      }
      await fallback.reconcile();
      await fallback.close();
      const receipts = await Promise.all(source.receipts);
      expect(receipts.filter(({ deferred }) => deferred > 0).length).toBeGreaterThan(KEYS.length);
      expect([inversions(scene.seen), scene.seen.length]).toEqual([0, source.total]);
    },
  );

  it('overtakes where the fence is given up', async () => {
    const scene = arrivals();
    const fallback = await open(scene, { fence: false, worker: false });
    const source = new Source();
    scene.sink.down('unavailable');
    await source.send(fallback, 'a');
    scene.sink.up();
    await source.send(fallback, 'a');
    await fallback.reconcile();
    await fallback.close();
    expect(inversions(scene.seen)).toBe(1);
  });

  it('defers a closed key at once, tells why, and leaves other keys alone', async () => {
    const { scene, fallback, source } = await withDeferredBatch();
    const fenced = await source.send(fallback, 'a');
    expect(fenced).toMatchObject({
      deferred: 1,
      trail: [{ tier: 'primary', left: [{ reason: 'fenced' }] }, {}],
    });
    expect(await source.send(fallback, 'b')).toMatchObject({ delivered: 1 });
    await fallback.reconcile();
    expect(await source.send(fallback, 'a')).toMatchObject({ delivered: 1 });
    await fallback.close();
    expect(inversions(scene.seen)).toBe(0);
  });

  it('opens keys that a worker in another process has drained', async () => {
    const { scene, fallback, source } = await withDeferredBatch();
    const { chain } = fallback;
    const machine = { clock: systemClock, random: systemRandom, fs: nodeFileSystem, bus: new EventBus() };
    const other = await openReconciler(
      { dir, chain: chain.name, replay: () => chain.forReplay(), sink: scene.sink },
      { ...machine, metrics: createMetrics(chain.name) },
    );
    other.worker.start();
    while ((await source.send(fallback, 'a')).deferred > 0) await sleep(20);
    await other.close();
    await fallback.reconcile();
    await fallback.close();
    expect([inversions(scene.seen), scene.seen.length]).toEqual([0, source.total]);
  });

  it.each([
    ['with what it remembers', {}],
    ['from the objects', { durability: 'store' as const }],
  ])('is kept by the next process, %s', async (_name, changes) => {
    const scene = arrivals();
    const store = new MemoryStore();
    const source = new Source();
    const options = { worker: false, store, ...changes } as const;
    const first = await open(scene, options);
    scene.sink.down('unavailable');
    await source.send(first, 'packed');
    await first.flush();
    await source.send(first, 'late');
    await first.close();
    scene.sink.up();
    const second = await open(scene, options);
    const receipts = await Promise.all(['packed', 'late', 'other'].map((key) => source.send(second, key)));
    expect(receipts.map(({ deferred }) => deferred)).toEqual([1, 1, 0]);
    await second.reconcile();
    expect(await source.send(second, 'packed')).toMatchObject({ delivered: 1 });
    await second.close();
    expect([inversions(scene.seen), scene.seen.length]).toEqual([0, source.total]);
  });
});
