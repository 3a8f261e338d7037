import { describe, expect, it } from 'vitest';
import type { Journal, RawEntry } from '../../src/journal/journal.ts';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import {
  createPacker,
  laneOf,
  type PackedObject,
  type PackerOptions,
  packEntries,
} from '../../src/stores/pack.ts';
import { loadObjectWriter } from '../../src/stores/parquet/object-writers.ts';
import { decodeObject } from '../../src/stores/parquet.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

const DIRECTORY = '/j';

function openJournal(fs: MemoryFileSystem): Promise<Journal> {
  return openSegmentJournal({
    directory: DIRECTORY,
    chain: 'c',
    fs,
    clock: new ManualClock(),
    emit: () => {},
    lock: async () => ({ release: () => {} }),
  });
}

async function rig(changes: Partial<PackerOptions> & { fs?: MemoryFileSystem; store?: MemoryStore } = {}) {
  const fs = changes.fs ?? new MemoryFileSystem();
  const store = changes.store ?? new MemoryStore();
  const journal = await openJournal(fs);
  const clock = new ManualClock();
  const announced: PackedObject[] = [];
  const events: string[] = [];
  const packer = createPacker({
    journal,
    chain: 'demo',
    clock,
    random: () => 0.5,
    directory: DIRECTORY,
    emit: (name) => events.push(name),
    announce: async (object) => {
      announced.push(object);
    },
    ...changes,
    fs,
    store,
  });
  return { fs, store, journal, clock, announced, events, packer };
}

async function keysStored(store: MemoryStore): Promise<string[]> {
  const keys: string[] = [];
  for (const ref of store.keys)
    for (const entry of await decodeObject(await store.get(ref))) keys.push(entry.key);
  return keys.sort();
}

/** Lets promises and immediates settle: encoding takes a turn per row group. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const KEYS = Array.from({ length: 40 }, (_, n) => sampleEntry(n).key).sort();

describe('packer', () => {
  it('moves every entry into objects, announces them, and empties the journal', async () => {
    const { journal, packer, store, announced } = await rig();
    for (let n = 0; n < 40; n += 1) await journal.append(sampleEntry(n));
    await packer.flush();
    expect(await keysStored(store)).toEqual(KEYS);
    expect(announced.map(({ ref }) => ref).sort()).toEqual(store.keys);
    expect(announced.reduce((sum, { rows }) => sum + rows, 0)).toBe(40);
    expect(journal.depth.entries).toBe(0);
  });

  it('names objects by chain, hour, lane, first seq and digest', async () => {
    const { journal, packer, store, announced } = await rig({ lanes: 4 });
    await journal.append(sampleEntry(1, { orderingKey: 'a', receivedAtMs: Date.UTC(2026, 10, 20, 7, 59) }));
    await journal.append(sampleEntry(2, { orderingKey: 'a', receivedAtMs: Date.UTC(2026, 10, 20, 8, 1) }));
    await packer.flush();
    const [object] = announced;
    const lane = laneOf('a', 4);
    expect(store.keys).toEqual([
      `chain=demo/date=2026-11-20/hour=07/part=0${lane}/0000000000000000-${object?.sha256.slice(0, 32)}.parquet`,
    ]);
    expect(object).toMatchObject({
      lane,
      order: 0,
      rows: 2,
      batches: 2,
      purpose: 'replay',
      ref: store.keys[0],
    });
    expect(object?.bytes).toBe((await store.get(object?.ref ?? '')).length);
  });

  it('keeps one ordering key in one lane and in order, from object to object', async () => {
    const { journal, packer, announced, store } = await rig({ objectBytes: 60 });
    for (let n = 0; n < 30; n += 1) await journal.append(sampleEntry(n));
    await packer.flush();
    const seqs = new Map<string, number[]>();
    for (const { ref, lane, order } of announced) {
      const entries = await decodeObject(await store.get(ref));
      expect(entries[0]?.seq).toBe(order);
      for (const { orderingKey = '', seq } of entries) {
        expect(laneOf(orderingKey, 16)).toBe(lane);
        seqs.set(orderingKey, [...(seqs.get(orderingKey) ?? []), seq]);
      }
    }
    for (const list of seqs.values()) expect(list).toEqual([...list].sort((a, b) => a - b));
    expect([...seqs.values()].flat().length).toBe(30);
  });

  it('keeps batches without an ordering key together, in one object per range, and not always in one lane', async () => {
    const { journal, packer, store, announced } = await rig();
    for (let range = 0; range < 6; range += 1) {
      for (let n = 0; n < 5; n += 1)
        await journal.append(sampleEntry(10 * range + n, { orderingKey: undefined }));
      await journal.append(sampleEntry(10 * range + 9, { orderingKey: 'a' }));
      await packer.flush();
    }
    const lanes: number[] = [];
    for (const { ref, lane } of announced) {
      const entries = await decodeObject(await store.get(ref));
      const unkeyed = entries.filter(({ orderingKey }) => orderingKey === undefined).length;
      expect([0, 5]).toContain(unkeyed);
      if (unkeyed > 0) lanes.push(lane);
    }
    expect(lanes.length).toBe(6);
    expect(new Set(lanes).size).toBeGreaterThan(1);
  });

  it('ends a range when it has enough records, and starts packing at once', async () => {
    const { journal, packer, announced } = await rig({ objectRows: 10 });
    packer.start();
    const rowCounts = [4, 4, 4, 25, 1];
    for (const [n, rowCount] of rowCounts.entries()) {
      await journal.append(sampleEntry(n, { rowCount, orderingKey: 'a' }));
    }
    packer.nudge();
    await settle();
    expect(announced.map(({ rows }) => rows)).toEqual([8, 4, 25, 1]);
    await packer.close();
  });

  it('writes objects with the writer and the seal it is given', async () => {
    const flip = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte) => byte ^ 1);
    const write = await loadObjectWriter('parquetjs-lite');
    const { journal, packer, store } = await rig({ encode: { write, seal: { keyId: 'k', seal: flip } } });
    await journal.append(sampleEntry(1));
    await packer.flush();
    const bytes = await store.get(store.keys[0] ?? '');
    expect(Buffer.from(bytes).includes('parquet.js')).toBe(true);
    const [opened] = await decodeObject(bytes, (_, sealed) => flip(sealed));
    expect(Buffer.from(opened?.body ?? []).toString()).toBe('{"n":1}\n');
  });

  it('stores originals to heal apart, and announces no job for them', async () => {
    const { journal, packer, announced, store } = await rig();
    await journal.append(sampleEntry(1, { purpose: 'heal' }));
    await packer.flush();
    expect(store.keys[0]).toMatch(/^heal\/chain=demo\//);
    expect(announced).toEqual([]);
    expect(journal.depth.entries).toBe(0);
  });

  it('starts at once when the bytes are there, else when the oldest entry has waited long enough', async () => {
    const { journal, packer, clock, store } = await rig({ objectBytes: 1000, objectAgeMs: 1000 });
    packer.start();
    await journal.append(sampleEntry(1));
    packer.nudge();
    await clock.advance(999);
    expect(store.keys).toEqual([]);
    await clock.advance(1);
    await settle();
    expect(store.keys.length).toBe(1);
    await journal.append(sampleEntry(2, { body: new Uint8Array(1000) }));
    packer.nudge();
    await settle();
    expect(store.keys.length).toBe(2);
    await packer.close();
  });

  it('asks a failing store again with growing delays, says so, and never blocks appends', async () => {
    const store = new MemoryStore();
    const { journal, packer, clock, events } = await rig({ store, objectAgeMs: 100 });
    for (let n = 0; n < 3; n += 1) store.failNext('put', 'STORAGE_IO');
    packer.start();
    await journal.append(sampleEntry(1, { orderingKey: 'a' }));
    packer.nudge();
    const delays: (number | undefined)[] = [];
    await clock.advance(100);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await settle();
      delays.push(clock.nextDueMs);
      await journal.append(sampleEntry(10 + attempt, { orderingKey: 'a' }));
      packer.nudge();
      await clock.advance(clock.nextDueMs ?? 0);
    }
    await settle();
    expect(delays).toEqual([250, 500, 1000]);
    expect(events.filter((name) => name === 'storageFailed').length).toBe(3);
    expect((await keysStored(store)).length).toBe(4);
    expect(journal.depth.entries).toBe(0);
  });

  it('tells flush why it failed, and keeps the entries', async () => {
    const { journal, packer, store } = await rig();
    await journal.append(sampleEntry(1));
    store.failNext('put', 'STORAGE_DENIED');
    await expect(packer.flush()).rejects.toMatchObject({ code: 'STORAGE_DENIED' });
    expect(journal.depth.entries).toBe(1);
    await packer.flush();
    expect(journal.depth.entries).toBe(0);
  });

  it('announces only what is durable, and checkpoints only what is announced', async () => {
    const { journal, packer, store } = await rig({
      announce: async ({ ref }) => {
        expect(store.keys).toContain(ref);
        expect(journal.checkpointed).toBe(-1);
        throw new Error('the queue is away');
      },
    });
    await journal.append(sampleEntry(1));
    await expect(packer.flush()).rejects.toThrow('the queue is away');
    expect(journal.checkpointed).toBe(-1);
  });

  it('makes the very same objects after a crash at any put, although more was appended since', async () => {
    for (let failing = 0; failing < 4; failing += 1) {
      const fs = new MemoryFileSystem();
      const store = new MemoryStore();
      const first = await rig({ fs, store, lanes: 4 });
      for (let n = 0; n < 20; n += 1) await first.journal.append(sampleEntry(n, { orderingKey: `k${n}` }));
      let puts = 0;
      const dying = createPacker({
        journal: first.journal,
        store: {
          put: async (key, chunks) =>
            puts++ < failing ? store.put(key, chunks) : Promise.reject(new Error('killed')),
        },
        chain: 'demo',
        clock: first.clock,
        random: () => 0,
        fs,
        directory: DIRECTORY,
        emit: () => {},
        lanes: 4,
        announce: async () => undefined,
      });
      await expect(dying.flush()).rejects.toThrow('killed');
      const after = fs.crash(() => 0.9);
      // A restart with other settings must not change the range that was begun.
      const second = await rig({ fs: after, store, lanes: 16, objectBytes: 10 });
      for (let n = 20; n < 25; n += 1) await second.journal.append(sampleEntry(n, { orderingKey: `k${n}` }));
      await second.packer.flush();
      expect((await keysStored(store)).length).toBe(25);
      expect(new Set(second.announced.map(({ ref }) => ref)).size).toBe(store.keys.length);
    }
  });

  it('packs on a full disk although the plan finds no room', async () => {
    const { fs, journal, packer, store } = await rig();
    await journal.append(sampleEntry(1));
    fs.failNext('rename', 'ENOSPC');
    await packer.flush();
    expect(store.keys.length).toBe(1);
    expect(journal.depth.entries).toBe(0);
  });

  it('packs what it can when it is closed, and closes without complaint when the store is away', async () => {
    const good = await rig();
    await good.journal.append(sampleEntry(1));
    await good.packer.close();
    await good.packer.close();
    expect(good.store.keys.length).toBe(1);
    const bad = await rig();
    await bad.journal.append(sampleEntry(1));
    bad.store.failNext('put');
    await bad.packer.close();
    expect(bad.events).toEqual(['storageFailed']);
  });

  it('packs rows that come from nowhere near the journal, twice without a second object', async () => {
    const store = new MemoryStore();
    const announced: PackedObject[] = [];
    const options = {
      store,
      chain: 'demo',
      emit: () => {},
      announce: async (object: PackedObject) => void announced.push(object),
    };
    const entries = [sampleEntry(1), sampleEntry(2)];
    await packEntries(entries, options);
    await packEntries(entries, options);
    expect(store.keys.length).toBe(
      new Set(entries.map(({ orderingKey = '' }) => laneOf(orderingKey, 16))).size,
    );
    expect(new Set(announced.map(({ ref }) => ref)).size).toBe(store.keys.length);
  });

  it('spreads keys over lanes, the same way for ever', () => {
    const lanes = new Set(Array.from({ length: 200 }, (_, n) => laneOf(`key-${n}`, 16)));
    expect(lanes.size).toBe(16);
    expect([laneOf('', 16), laneOf('series-1', 16), laneOf('größe', 7)]).toEqual([0, 3, 3]);
  });

  it('packs at once what came while it packed, when somebody is in a hurry, and waits for company otherwise', async () => {
    const gate = Promise.withResolvers<void>();
    const store = new MemoryStore();
    const put: MemoryStore['put'] = async (...args) => {
      await gate.promise;
      return MemoryStore.prototype.put.apply(store, args);
    };
    const { journal, announced, packer, clock } = await rig({ store: Object.assign(store, { put }) });
    packer.start();
    await journal.append(sampleEntry(1));
    packer.hurry();
    await journal.append(sampleEntry(2));
    packer.hurry();
    gate.resolve();
    await expect.poll(() => announced.length).toBe(2);
    await journal.append(sampleEntry(3));
    packer.nudge();
    await clock.advance(999);
    expect(announced.length).toBe(2);
    await clock.advance(1);
    await expect.poll(() => announced.length).toBe(3);
    await packer.close();
  });

  it('keeps critical records without a key, and low ones, in objects of their own, and those of a key together', async () => {
    const { journal, announced, packer } = await rig();
    const entry = (n: number, changes: Partial<RawEntry>) => journal.append(sampleEntry(n, changes));
    for (const [n, priority] of (['normal', 'critical', 'low', 'critical', 'normal'] as const).entries())
      await entry(n, { priority, orderingKey: undefined });
    await entry(5, { priority: 'critical', orderingKey: 'k' });
    await entry(6, { priority: 'low', orderingKey: 'k' });
    await packer.flush();
    const found = announced.map(({ priority, batches, orderingKeys }) => [
      priority,
      batches,
      orderingKeys.length,
    ]);
    expect(found.toSorted()).toEqual([
      ['critical', 2, 0],
      ['critical', 2, 1],
      ['low', 1, 0],
      ['normal', 2, 0],
    ]);
  });
});
