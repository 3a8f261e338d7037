import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalEntry, RawEntry } from '../../src/journal/journal.ts';
import { laneOf, type PackedObject } from '../../src/stores/packed-object.ts';
import { writeObject } from '../../src/stores/parquet/own-writer.ts';
import { decodeObject, type EncodeOptions } from '../../src/stores/parquet.ts';
import { type StoreJournalOptions, storeJournal } from '../../src/stores/store-journal.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { SlowStore } from './slow-store.ts';

const PUT_MS = 20;

function rig(changes: Partial<StoreJournalOptions> & { readonly latencyMs?: () => number } = {}) {
  const clock = new ManualClock();
  const store = new SlowStore(clock, changes.latencyMs ?? (() => PUT_MS));
  const announced: PackedObject[] = [];
  const events: string[] = [];
  const journal = storeJournal({
    store,
    chain: 'c',
    clock,
    emit: (name) => void events.push(name),
    announce: async (object) => void announced.push(object),
    ...changes,
  });
  return { clock, store, announced, events, journal };
}

/** Lets promises, immediates and the encoding of small objects settle. */
async function settle(turns = 10): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const unkeyed = (n: number, changes: Partial<RawEntry> = {}): RawEntry =>
  sampleEntry(n, { orderingKey: undefined, ...changes });

async function stored({ objects }: SlowStore): Promise<(readonly JournalEntry[])[]> {
  const found: (readonly JournalEntry[])[] = [];
  for (const key of objects.keys) found.push(await decodeObject(await objects.get(key)));
  return found;
}

describe('journal in the store', () => {
  it('acknowledges only when the put is confirmed and the job is announced (S1)', async () => {
    const { clock, store, announced, journal } = rig();
    let seq: number | undefined;
    void journal.append(unkeyed(1)).then((given) => {
      seq = given;
      expect(announced.length).toBe(1);
    });
    await settle();
    await clock.advance(PUT_MS - 1);
    await settle();
    expect([seq, store.inFlight, announced.length]).toEqual([undefined, 1, 0]);
    expect(journal.depth).toMatchObject({ entries: 1, rows: 1, oldestMs: 1_700_000_000_001 });
    await clock.advance(1);
    await settle();
    expect(seq).toBe(announced[0]?.order);
    expect(journal.depth).toMatchObject({ entries: 0, rows: 0, bytes: 0, oldestMs: undefined });
    expect([await journal.read(-1, 1000), journal.checkpointed]).toEqual([[], seq]);
  });

  it('says the highest seq that is stored, also when an object of lower ones is stored later', async () => {
    let puts = 0;
    const latencyMs = (): number => (puts++ === 0 ? 50 : 10);
    const { clock, journal } = rig({ lanes: 2, latencyMs });
    expect(laneOf('a', 2)).not.toBe(laneOf('d', 2));
    const slow = journal.append(sampleEntry(1, { orderingKey: 'a' }));
    await settle(20);
    const quick = journal.append(sampleEntry(2, { orderingKey: 'd' }));
    await settle(20);
    await clock.advance(10);
    await settle(20);
    const highest = await quick;
    expect(journal.checkpointed).toBe(highest);
    await clock.advance(50);
    await settle(20);
    expect(await slow).toBeLessThan(highest);
    expect(journal.checkpointed).toBe(highest);
  });

  it('puts what comes at the same time into one object, and what comes meanwhile into the next (S2)', async () => {
    const { clock, store, journal } = rig({ lanes: 1 });
    const all = Promise.all(Array.from({ length: 50 }, (_, n) => journal.append(unkeyed(n))));
    await settle();
    const more = Promise.all(Array.from({ length: 30 }, (_, n) => journal.append(unkeyed(100 + n))));
    await clock.advance(PUT_MS);
    await settle();
    await clock.advance(PUT_MS);
    await Promise.all([all, more]);
    expect((await stored(store)).map(({ length }) => length)).toEqual([50, 30]);
  });

  it('spreads many over its lanes, but never below 256 in one object', async () => {
    for (const [count, sizes] of [
      [2000, [500, 500, 500, 500]],
      [300, [44, 256]],
      [100, [100]],
    ] as const) {
      const { clock, store, journal } = rig();
      const all = Promise.all(Array.from({ length: count }, (_, n) => journal.append(unkeyed(n))));
      while (store.inFlight < sizes.length) await settle(1);
      await clock.advance(PUT_MS);
      await all;
      expect((await stored(store)).map(({ length }) => length).sort((a, b) => a - b)).toEqual(sizes);
    }
  });

  it('never has more puts under way than lanes, and no object above its bytes', async () => {
    const { clock, store, journal } = rig({ lanes: 3, objectBytes: 1000 });
    const body = new Uint8Array(300);
    const all = Promise.all(Array.from({ length: 40 }, (_, n) => journal.append(sampleEntry(n, { body }))));
    const large = journal.append(unkeyed(99, { body: new Uint8Array(5000) }));
    while (journal.depth.entries > 0) {
      await clock.advance(1);
      await settle(3);
    }
    await Promise.all([all, large]);
    expect(store.inFlightMax).toBe(3);
    for (const entries of await stored(store)) {
      const bytes = entries.reduce((sum, one) => sum + one.body.length, 0);
      expect(bytes <= 1000 || entries.length === 1).toBe(true);
    }
  });

  it('spreads large ones by their bytes', async () => {
    const { clock, store, journal } = rig();
    const body = new Uint8Array(32 * 1024);
    const all = Promise.all(Array.from({ length: 32 }, (_, n) => journal.append(unkeyed(n, { body }))));
    while (store.inFlight < 2) await settle(1);
    await clock.advance(PUT_MS);
    await all;
    expect((await stored(store)).map(({ length }) => length)).toEqual([16, 16]);
  });

  it('encodes one object at a time, and the next while the one before is put (S6)', async () => {
    const steps: string[] = [];
    let objects = 0;
    const encode: EncodeOptions = {
      write: async (...args) => {
        objects += 1;
        const object = objects;
        steps.push(`begin ${object}`);
        const footer = await writeObject(...args);
        steps.push(`end ${object}`);
        return footer;
      },
    };
    const { clock, store, journal } = rig({ encode });
    const all = Promise.all(Array.from({ length: 1200 }, (_, n) => journal.append(unkeyed(n))));
    while (store.inFlight < 4) await settle(1);
    expect(steps).toEqual([1, 2, 3, 4].flatMap((n) => [`begin ${n}`, `end ${n}`]));
    expect(store.inFlight).toBe(4);
    await clock.advance(PUT_MS);
    await all;
  });

  it('goes on with the next object when one cannot be encoded (S4, S6)', async () => {
    let objects = 0;
    const encode: EncodeOptions = {
      write: (...args) => {
        objects += 1;
        return objects === 1 ? Promise.reject(new Error('no memory')) : writeObject(...args);
      },
    };
    const { clock, store, journal } = rig({ encode });
    const all = Promise.allSettled(Array.from({ length: 512 }, (_, n) => journal.append(unkeyed(n))));
    while (store.inFlight < 1) await settle(1);
    await clock.advance(PUT_MS);
    const refused = (await all).filter(({ status }) => status === 'rejected');
    expect([refused.length, objects]).toEqual([256, 2]);
    expect(journal.depth).toMatchObject({ entries: 0, rows: 0, bytes: 0, oldestMs: undefined });
  });

  it('keeps a key in one lane and in order, whatever the puts take (S3)', async () => {
    const schedule = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 60 });
    const latencies = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(schedule, latencies, async (keys, delays) => {
        let puts = 0;
        const { clock, announced, store, journal } = rig({
          latencyMs: () => delays[puts++ % delays.length] ?? 0,
        });
        const done: Promise<number>[] = [];
        for (const [n, key] of keys.entries()) {
          done.push(journal.append(sampleEntry(n, { orderingKey: key === 0 ? undefined : `k${key}` })));
          if (n % 3 === 0) await clock.advance(1);
        }
        while (journal.depth.entries > 0) {
          await clock.advance(1);
          await settle(2);
        }
        await Promise.all(done);
        const last = new Map<number, number>();
        const seen = new Map<string, number>();
        for (const { ref, lane, order } of announced) {
          expect(order).toBeGreaterThan(last.get(lane) ?? -1);
          last.set(lane, order);
          for (const { orderingKey, key, seq } of await decodeObject(await store.objects.get(ref))) {
            if (orderingKey === undefined) continue;
            expect(laneOf(orderingKey, 4)).toBe(lane);
            const number = Number.parseInt(key, 16);
            expect(number).toBeGreaterThan(seen.get(orderingKey) ?? -1);
            seen.set(orderingKey, number);
            expect(seq).toBeGreaterThanOrEqual(order);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('refuses exactly the entries of the object whose put failed, and takes them again (S4)', async () => {
    const { clock, store, events, journal } = rig({ lanes: 2 });
    const keys = ['a', 'd'].map((key) => ({ key, lane: laneOf(key, 2) }));
    expect(new Set(keys.map(({ lane }) => lane)).size).toBe(2);
    store.objects.failNext('put', 'STORAGE_DENIED');
    const appends = Array.from({ length: 20 }, (_, n) =>
      journal.append(sampleEntry(n, { orderingKey: keys[n % 2]?.key })),
    );
    const outcomes = Promise.allSettled(appends);
    await settle();
    await clock.advance(PUT_MS);
    const refused = (await outcomes).flatMap((one, n) => (one.status === 'rejected' ? [{ n, one }] : []));
    expect(refused.length).toBe(10);
    expect(new Set(refused.map(({ n }) => n % 2)).size).toBe(1);
    for (const { one } of refused) {
      expect(one.reason).toMatchObject({ name: 'StorageError', code: 'STORAGE_DENIED' });
    }
    expect(events.filter((name) => name === 'storageFailed').length).toBe(1);
    expect(journal.depth.entries).toBe(0);
    const again = journal.append(sampleEntry(refused[0]?.n ?? 0, { orderingKey: keys[0]?.key }));
    await settle();
    await clock.advance(PUT_MS);
    expect(await again).toBeGreaterThan(0);
  });

  it('acknowledges nothing whose job could not be announced (S1, S4)', async () => {
    const { clock, store, journal } = rig({
      announce: () => Promise.reject(new Error('the queue is away')),
    });
    const append = journal.append(unkeyed(1));
    append.catch(() => undefined);
    await settle();
    await clock.advance(PUT_MS);
    await expect(append).rejects.toMatchObject({
      name: 'StorageError',
      message: expect.stringContaining('the queue is away'),
    });
    expect(store.objects.keys.length).toBe(1);
  });

  it('stores an entry once that is appended twice while it waits', async () => {
    const { clock, store, journal } = rig();
    const both = Promise.all([journal.append(unkeyed(1)), journal.append(unkeyed(1))]);
    const others = Promise.all([
      journal.append(unkeyed(1, { purpose: 'heal' })),
      journal.append(unkeyed(1, { rows: [0] })),
    ]);
    await settle();
    await clock.advance(PUT_MS);
    const [first, second] = await both;
    await others;
    expect(first).toBe(second);
    expect((await stored(store)).flat().length).toBe(3);
  });

  it('stores originals to heal apart, and announces no job for them', async () => {
    const { clock, store, announced, journal } = rig();
    const append = journal.append(unkeyed(1, { purpose: 'heal' }));
    await settle();
    await clock.advance(PUT_MS);
    await append;
    expect(store.objects.keys[0]).toMatch(/^heal\/chain=c\//);
    expect(announced).toEqual([]);
  });

  it('gives seqs that follow the wall clock, and grow when it does not (S5)', async () => {
    let wallMs = 1_790_000_000_000;
    const { clock, journal } = rig({ clock: { wallNow: () => wallMs } });
    const seqs: number[] = [];
    for (const step of [0, 5, -3_600_000, 0, 3_700_000]) {
      wallMs += step;
      const append = journal.append(unkeyed(seqs.length));
      await settle();
      await clock.advance(PUT_MS);
      seqs.push(await append);
    }
    expect(seqs[0]).toBe(1_790_000_000_000_000);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(new Set(seqs).size).toBe(5);
    expect(seqs.every(Number.isSafeInteger)).toBe(true);
  });

  it('stores what waits when it is closed, and takes nothing after', async () => {
    const { clock, store, journal } = rig();
    const append = journal.append(unkeyed(1));
    const closing = journal.close();
    await expect(journal.append(unkeyed(2))).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' });
    await settle();
    await clock.advance(PUT_MS);
    await Promise.all([append, closing, journal.close()]);
    expect(store.objects.keys.length).toBe(1);
  });

  it.each([
    ['without a key', 256, () => undefined],
    ['each with its own key', 256, (n: number) => `key-${n}`],
    ['without a key', 1, () => undefined],
    ['without a key', 2048, () => undefined],
  ] as const)(
    'keeps submitters %s (%# of them: %i) within a tenth of the latency of the store',
    async (_, submitters, keyOf) => {
      const { clock, store, journal } = rig();
      let acknowledged = 0;
      let isOver = false;
      const submit = async (n: number): Promise<void> => {
        for (let turn = 0; !isOver; turn += 1) {
          await journal.append(
            sampleEntry(n + submitters * turn, { orderingKey: keyOf(n), body: new Uint8Array(20) }),
          );
          acknowledged += 1;
        }
      };
      const all = Array.from({ length: submitters }, (_value, n) => submit(n));
      const spanMs = 20 * PUT_MS;
      for (let ms = 0; ms < spanMs; ms += 1) {
        await settle(3);
        await clock.advance(1);
      }
      isOver = true;
      const bound = (submitters * spanMs) / PUT_MS;
      expect(acknowledged / bound).toBeGreaterThanOrEqual(0.9);
      expect(store.objects.calls('put')).toBeLessThanOrEqual((4 * spanMs) / PUT_MS + 4);
      while (journal.depth.entries > 0) {
        await clock.advance(PUT_MS);
        await settle();
      }
      await Promise.all(all);
    },
  );
});
