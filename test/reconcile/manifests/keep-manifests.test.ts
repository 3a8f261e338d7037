import { beforeEach, describe, expect, it } from 'vitest';
import type { EventName } from '../../../src/core/events.ts';
import { isoOf } from '../../../src/reconcile/deferral.ts';
import { keepManifests, type ManifestKeeper } from '../../../src/reconcile/manifests/keep-manifests.ts';
import { verifyLinks } from '../../../src/reconcile/manifests/verify-links.ts';
import { settlementKey } from '../../../src/reconcile/settlement.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { MemoryStore } from '../../../src/testing/memory-store.ts';
import { createScene, entryOf } from '../scene.ts';
import { CHAIN, MINUTE_MS, putSettled, START_MS, settlementAt } from './settled.ts';

describe('the keeper of manifests', () => {
  let store: MemoryStore;
  let clock: ManualClock;
  let events: { readonly name: EventName; readonly event: unknown }[];
  let keeper: ManifestKeeper;
  const open = (options: { readonly linkRows?: number } = {}): ManifestKeeper =>
    keepManifests({
      store,
      chain: CHAIN,
      clock,
      emit: (name, event) => void events.push({ name, event }),
      ...options,
    });
  const verify = () => verifyLinks({ store, chain: CHAIN });
  const outages = () => store.keys.filter((key) => key.startsWith('outages/'));
  const settle = (seq: number, firstMs = START_MS) =>
    putSettled(keeper.store, settlementAt(firstMs, seq, { settledAt: isoOf(clock.wallNow()) }));

  beforeEach(() => {
    store = new MemoryStore();
    clock = new ManualClock({ wallMs: START_MS });
    events = [];
    keeper = open();
  });

  it('does nothing while nothing is settled', async () => {
    await keeper.store.put('chain=orders/x.parquet', [Buffer.from('x')]);
    await clock.advance(100 * MINUTE_MS);
    await keeper.close();
    expect([store.calls('list'), store.calls('put')]).toEqual([0, 1]);
  });

  it('puts many settlements under one link, some time after they were written', async () => {
    for (let seq = 0; seq < 50; seq += 1) await settle(seq);
    expect(await verify()).toMatchObject({ links: 0, unlinked: 50 });
    await clock.advance(30_000);
    expect(await verify()).toMatchObject({ links: 1, intact: 50, unlinked: 0, faults: [] });
  });

  it('does not wait when there are many', async () => {
    keeper = open({ linkRows: 10 });
    for (let seq = 0; seq < 10; seq += 1) await settle(seq);
    await clock.advance(1);
    expect(await verify()).toMatchObject({ links: 1, intact: 10 });
  });

  it('writes an outage by itself when its gap is over, and not while it may go on', async () => {
    await settle(1);
    await clock.advance(MINUTE_MS);
    await settle(2, START_MS + 8 * MINUTE_MS);
    await clock.advance(14 * MINUTE_MS);
    expect(outages()).toEqual([]);
    await clock.advance(16 * MINUTE_MS);
    expect(outages()).toHaveLength(1);
    expect(await verify()).toMatchObject({ intact: 3, unlinked: 0 });
  });

  it('writes what may go on when it is asked to, and waits no longer when all is written', async () => {
    await settle(1);
    await keeper.keep();
    expect(outages()).toHaveLength(1);
    expect(await verify()).toMatchObject({ links: 1, intact: 2, unlinked: 0 });
    const lists = store.calls('list');
    await clock.advance(200 * MINUTE_MS);
    // The timer of the settlement, which looks once.
    expect(store.calls('list') - lists).toBeLessThanOrEqual(6);
  });

  it('reads nothing again that it has settled itself', async () => {
    for (let seq = 0; seq < 20; seq += 1) await settle(seq);
    const gets = store.calls('get');
    await keeper.keep();
    // The outage, to be linked.
    expect(store.calls('get') - gets).toBe(1);
    expect(await verify()).toMatchObject({ intact: 21, faults: [] });
  });

  it('notes only what it has created, not what was there', async () => {
    const settlement = settlementAt(START_MS, 1);
    const key = await putSettled(store, settlement);
    await keeper.store.put(key, [Buffer.from('something else')]);
    await clock.advance(MINUTE_MS);
    await keeper.close();
    expect(await verify()).toMatchObject({ links: 0, unlinked: 1 });
  });

  it('links what a process that died had settled', async () => {
    await settle(1);
    keeper = open();
    await keeper.keep();
    expect(await verify()).toMatchObject({ intact: 2, unlinked: 0, faults: [] });
  });

  it('links what it knows of when it is closed, and nothing more afterwards', async () => {
    await settle(1);
    await keeper.close();
    await keeper.close();
    expect(await verify()).toMatchObject({ links: 1, unlinked: 0 });
    await settle(2);
    await clock.advance(100 * MINUTE_MS);
    expect(await verify()).toMatchObject({ links: 1, unlinked: 1 });
  });

  it('reports a store that fails and tries again', async () => {
    await settle(1);
    store.failNext('put');
    await clock.advance(30_000);
    expect(events).toMatchObject([
      { name: 'storageFailed', event: { operation: 'manifests', code: 'STORAGE_IO' } },
    ]);
    await clock.advance(30 * MINUTE_MS);
    expect(await verify()).toMatchObject({ unlinked: 0, faults: [] });
    expect(events).toHaveLength(1);
  });

  it('leaves links alone that belong to another chain', async () => {
    await keeper.store.put('chain=other/a.settled.json', [Buffer.from('{}')]);
    await clock.advance(MINUTE_MS);
    expect(store.keys).toEqual(['chain=other/a.settled.json']);
  });
});

describe('a worker whose manifests are kept', () => {
  it('costs the store no call more for each object', async () => {
    const putsFor = async (objects: number): Promise<number> => {
      const scene = await createScene();
      const { store, clock } = scene;
      const keeper = keepManifests({ store, chain: CHAIN, clock, emit: () => {} });
      for (let n = 0; n < objects; n += 1) await scene.put(n % 16, [entryOf([`{"n":${n}}`])]);
      const before = store.calls('put');
      await scene.until(scene.worker({ store: keeper.store, drained: () => keeper.keep() }).drain());
      expect((await scene.report()).outages).toMatchObject([
        { objects, verdict: 'equal', reasons: { unavailable: objects } },
      ]);
      const puts = store.calls('put') - before;
      await scene.close();
      return puts;
    };
    // An outage, a link; and for each object one settlement.
    expect(await putsFor(3)).toBe(3 + 2);
    expect(await putsFor(40)).toBe(40 + 2);
  });

  it('says when and why rows were deferred, and how many keys there were', async () => {
    const scene = await createScene();
    const job = await scene.put(0, [
      entryOf(['{"n":1}', '{"n":2}'], { receivedAtMs: START_MS }),
      entryOf(['{"n":3}'], { receivedAtMs: START_MS + 5, reason: 'fenced' }),
    ]);
    await scene.until(scene.worker().drain());
    const told = JSON.parse(Buffer.from(await scene.store.get(settlementKey(job.ref))).toString());
    expect(told).toMatchObject({
      firstReceivedAt: isoOf(START_MS),
      lastReceivedAt: isoOf(START_MS + 5),
      reasons: { fenced: 1, unavailable: 2 },
      proof: { keys: 3 },
    });
    await scene.close();
  });

  it('counts what is pending and what is missing of an outage', async () => {
    const scene = await createScene();
    await scene.put(0, [entryOf(['{"n":1}'], { receivedAtMs: START_MS, reason: 'throttled' })]);
    const { ref } = await scene.put(1, [entryOf(['{"n":2}'], { receivedAtMs: START_MS + 90 * MINUTE_MS })]);
    const missing = ['k1', 'k2'];
    const proof = { sourceDigest: 'a', sinkDigest: 'b', missing, checked: 'lookup' };
    const stem = ref.replace('.parquet', '');
    await scene.store.put(`${stem}.incomplete-0123456789abcdef.json`, [
      Buffer.from(JSON.stringify({ version: 1, ref, foundAt: '', proof })),
    ]);
    const { outages } = await scene.report();
    expect(outages).toMatchObject([
      { rows: 1, pending: 1, verdict: 'pending', reasons: { throttled: 1 }, completedAt: null },
      { rows: 1, pending: 1, verdict: 'missing', missing: { total: 2, keys: missing } },
    ]);
    await scene.close();
  });
});
