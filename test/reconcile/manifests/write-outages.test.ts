import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconcileReport } from '../../../src/reconcile/ledger.ts';
import { outagePrefix, readOutages } from '../../../src/reconcile/manifests/outage-manifest.ts';
import { writeOutages } from '../../../src/reconcile/manifests/write-outages.ts';
import { expireSettled } from '../../../src/reconcile/retention.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { MemoryStore } from '../../../src/testing/memory-store.ts';
import { CHAIN, MINUTE_MS, putSettled, START_MS, settlementAt } from './settled.ts';

const GAP_MS = 10 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;

const write = (store: MemoryStore, overBeforeMs?: number) =>
  writeOutages({ store, chain: CHAIN, ...(overBeforeMs === undefined ? {} : { overBeforeMs }) });
const manifests = (store: MemoryStore) => readOutages(store, CHAIN, GAP_MS);
const files = (store: MemoryStore) => store.keys.filter((key) => key.startsWith(outagePrefix(CHAIN)));

describe('manifests of outages', () => {
  it('are written once everything of an outage is settled, each once, with its account', async () => {
    const store = new MemoryStore();
    await putSettled(store, settlementAt(START_MS, 1, { lastMs: START_MS + 8 * MINUTE_MS }));
    await putSettled(store, settlementAt(START_MS + 15 * MINUTE_MS, 2));
    await putSettled(store, settlementAt(START_MS + 3 * HOUR_MS, 3));
    expect(await write(store)).toEqual({ written: 2, open: 0 });
    expect(await write(store)).toEqual({ written: 0, open: 0 });
    const [first, second] = await manifests(store);
    expect(first).toMatchObject({
      startedAt: '2026-11-20T10:00:00.000Z',
      endedAt: '2026-11-20T10:15:00.000Z',
      durationMs: 15 * MINUTE_MS,
      objects: 2,
      rows: 6,
      delivered: 4,
      alreadyHeld: 2,
      pending: 0,
      reasons: { unavailable: 6 },
      verdict: 'equal',
      keys: 6,
      missing: { total: 0, keys: [] },
      completedAt: '2026-11-20T10:16:00.000Z',
      replayLagMs: MINUTE_MS,
      hours: { '2026-11-20T10': 2 },
    });
    expect(second).toMatchObject({ objects: 1, rows: 3 });
  });

  it('are the same bytes for any number of writers at once', async () => {
    const store = new MemoryStore();
    for (let seq = 0; seq < 20; seq += 1) {
      await putSettled(store, settlementAt(START_MS + seq * 7 * MINUTE_MS, seq));
    }
    const answers = await Promise.all(Array.from({ length: 6 }, () => write(store)));
    expect(answers.reduce((sum, { written }) => sum + written, 0)).toBe(1);
    expect(files(store)).toHaveLength(1);
  });

  it('wait while an object of an hour they touch is open, or cannot be read', async () => {
    const store = new MemoryStore();
    await putSettled(store, settlementAt(START_MS + 55 * MINUTE_MS, 1));
    const late = settlementAt(START_MS + HOUR_MS + MINUTE_MS, 2);
    const key = await putSettled(store, late, false);
    expect(await write(store)).toEqual({ written: 0, open: 1 });
    await store.put(key, [Buffer.from('{')]);
    expect(await write(store)).toEqual({ written: 0, open: 1 });
    await putSettled(store, late);
    expect(await write(store)).toEqual({ written: 1, open: 0 });
    expect((await manifests(store))[0]).toMatchObject({ objects: 2 });
  });

  it('wait until the gap is over, when they are told to', async () => {
    const store = new MemoryStore();
    await putSettled(store, settlementAt(START_MS, 1));
    expect(await write(store, START_MS + GAP_MS - 1)).toEqual({ written: 0, open: 1 });
    expect(await write(store, START_MS + GAP_MS)).toEqual({ written: 1, open: 0 });
  });

  it('give way to one of the whole when an object comes later, also one that joins two', async () => {
    const store = new MemoryStore();
    await putSettled(store, settlementAt(START_MS, 1));
    await putSettled(store, settlementAt(START_MS + 18 * MINUTE_MS, 2));
    await putSettled(store, settlementAt(START_MS + 5 * HOUR_MS, 3));
    expect(await write(store)).toEqual({ written: 3, open: 0 });
    await putSettled(store, settlementAt(START_MS + 9 * MINUTE_MS, 4));
    expect(await write(store)).toEqual({ written: 1, open: 0 });
    expect((await manifests(store)).map(({ objects }) => objects)).toEqual([3, 1]);
    expect(files(store)).toHaveLength(4);
    expect(await write(store)).toEqual({ written: 0, open: 0 });
  });

  it('read no settlement of an hour that they tell all about', async () => {
    const store = new MemoryStore();
    for (let seq = 0; seq < 30; seq += 1) await putSettled(store, settlementAt(START_MS + seq, seq));
    await write(store);
    await putSettled(store, settlementAt(START_MS + 9 * HOUR_MS, 99));
    const before = store.calls('get');
    await write(store);
    // The manifest there is, and the one settlement.
    expect(store.calls('get') - before).toBe(2);
  });

  it('stay as they are when objects of theirs have expired', async () => {
    const store = new MemoryStore();
    await putSettled(store, settlementAt(START_MS, 1));
    await putSettled(store, settlementAt(START_MS + 5 * MINUTE_MS, 2));
    await write(store);
    const clock = new ManualClock({ wallMs: START_MS + 63 * MINUTE_MS });
    expect(await expireSettled({ store, chain: CHAIN, clock, settledTtlMs: HOUR_MS })).toMatchObject({
      objects: 1,
    });
    const before = store.calls('get');
    expect(await write(store)).toEqual({ written: 0, open: 0 });
    // The manifest and the record of what expired; not the settlement that is left.
    expect(store.calls('get') - before).toBe(2);
    expect(await manifests(store)).toMatchObject([{ objects: 2 }]);
  });

  it('leave what they count to themselves when something else comes into the hours they reach into', async () => {
    const store = new MemoryStore();
    await putSettled(store, settlementAt(START_MS + 55 * MINUTE_MS, 1));
    await putSettled(store, settlementAt(START_MS + 64 * MINUTE_MS, 2));
    await write(store);
    const clock = new ManualClock({ wallMs: START_MS + 118 * MINUTE_MS });
    await expireSettled({ store, chain: CHAIN, clock, settledTtlMs: HOUR_MS });
    await putSettled(store, settlementAt(START_MS + 110 * MINUTE_MS, 3));
    expect(await write(store)).toEqual({ written: 1, open: 0 });
    expect((await manifests(store)).map(({ objects }) => objects)).toEqual([2, 1]);
    const report = await reconcileReport({ store, chain: CHAIN, decode: async () => [] });
    expect(report.outages.map(({ objects, isExpired }) => [objects, isExpired])).toEqual([
      [2, true],
      [1, false],
    ]);
  });

  it('come out the same whether they are written once at the end or after every object', async () => {
    const minutes = fc.uniqueArray(fc.nat(400), { minLength: 1, maxLength: 15 });
    await fc.assert(
      fc.asyncProperty(minutes, async (found) => {
        const [often, once] = [new MemoryStore(), new MemoryStore()];
        for (const [seq, minute] of found.entries()) {
          const settlement = settlementAt(START_MS + minute * MINUTE_MS, seq);
          await putSettled(often, settlement);
          await putSettled(once, settlement);
          await write(often);
        }
        await write(once);
        expect(await manifests(often)).toEqual(await manifests(once));
      }),
      { numRuns: 60 },
    );
  });
});
