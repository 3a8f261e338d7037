import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/keys.ts';
import { nodeFileSystem } from '../../../src/platform/node-file-system.ts';
import { isoOf } from '../../../src/reconcile/deferral.ts';
import { decodeLink, LATE_MS, linkKey, linkNumber, linkPrefix } from '../../../src/reconcile/manifests/link.ts';
import { LinkWriter } from '../../../src/reconcile/manifests/link-writer.ts';
import { readHead, verifyLinks } from '../../../src/reconcile/manifests/verify-links.ts';
import { writeOutages } from '../../../src/reconcile/manifests/write-outages.ts';
import { expireSettled } from '../../../src/reconcile/retention.ts';
import { fsStore } from '../../../src/stores/fs-store.ts';
import type { Store } from '../../../src/stores/store.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { MemoryStore } from '../../../src/testing/memory-store.ts';
import { CHAIN, MINUTE_MS, putSettled, START_MS, settlementAt } from './settled.ts';

const HOUR_MS = 60 * MINUTE_MS;
const clock = { wallNow: () => START_MS + HOUR_MS };

const writerOver = (store: Store, coversMax?: number) =>
  new LinkWriter({ store, chain: CHAIN, clock, ...(coversMax === undefined ? {} : { coversMax }) });
const verify = (store: Store, head?: string) => verifyLinks({ store, chain: CHAIN, head });

/** Keys that links cover, in the order of the chain. */
async function coveredBy(store: Store): Promise<readonly string[]> {
  const covered: string[] = [];
  for await (const { key } of store.list(linkPrefix(CHAIN))) {
    const { link } = decodeLink(await store.get(key), CHAIN, linkNumber(key) ?? -1);
    covered.push(...(link?.covers ?? []).map(([manifest]) => manifest));
  }
  return covered;
}

async function storeWith(objects: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (let seq = 0; seq < objects; seq += 1) await putSettled(store, settlementAt(START_MS + seq, seq));
  return store;
}

describe('the chain over manifests', () => {
  it('covers settlements and outages, follows from link to link, and tells its head', async () => {
    const store = await storeWith(7);
    await writeOutages({ store, chain: CHAIN });
    expect(await writerOver(store, 3).link({ catchUp: true })).toBe(8);
    const report = await verify(store);
    expect(report).toMatchObject({
      links: 3,
      intact: 8,
      unlinked: 0,
      expired: 0,
      again: 0,
      late: [],
      faults: [],
    });
    expect(report.head).toBe((await readHead(store, CHAIN))?.hash);
    expect((await coveredBy(store)).length).toBe(8);
    expect(await writerOver(store).link({ catchUp: true })).toBe(0);
  });

  it('counts settlements that no link covers yet, and links what was noted without listing the store', async () => {
    const store = await storeWith(2);
    const writer = writerOver(store);
    await writer.link({ catchUp: true });
    const key = await putSettled(store, settlementAt(START_MS + HOUR_MS, 50));
    expect(await verify(store)).toMatchObject({ unlinked: 1, intact: 2, faults: [] });
    writer.note(key, sha256(await store.get(key)));
    const before = store.calls('list');
    await writer.link({ catchUp: false });
    expect(store.calls('list') - before).toBe(1);
    expect(await verify(store)).toMatchObject({ unlinked: 0, intact: 3, faults: [] });
  });

  it('links what a process wrote, not what somebody made of it before it was linked', async () => {
    const store = new MemoryStore();
    const key = await putSettled(store, settlementAt(START_MS, 1));
    const writer = writerOver(store);
    writer.note(key, sha256(await store.get(key)));
    store.damage(key, (body) => Uint8Array.from(body).fill(32, 0, 1));
    await writer.link({ catchUp: true });
    expect((await verify(store)).faults).toMatchObject([
      { ref: key, fault: expect.stringContaining('changed') },
    ]);
  });

  it('says what a process wrote also when another has linked what was made of it', async () => {
    const store = new MemoryStore();
    const key = await putSettled(store, settlementAt(START_MS, 1));
    const writer = writerOver(store);
    writer.note(key, sha256(await store.get(key)));
    store.damage(key, (body) => Uint8Array.from(body).fill(32, 0, 1));
    await writerOver(store).link({ catchUp: true });
    expect((await verify(store)).faults).toEqual([]);
    await writer.link({ catchUp: false });
    expect((await verify(store)).faults).toMatchObject([{ ref: key }]);
  });

  it('stays whole when objects expire, and knows when a settlement had been changed by then', async () => {
    const store = await storeWith(3);
    const at = await putSettled(store, settlementAt(START_MS + 5, 5));
    await writerOver(store).link({ catchUp: true });
    const text = Buffer.from(await store.get(at)).toString();
    store.damage(at, () => Buffer.from(text.replace('"attempts": 1', '"attempts": 2')));
    const later = new ManualClock({ wallMs: START_MS + 10 * HOUR_MS });
    await expireSettled({ store, chain: CHAIN, clock: later, settledTtlMs: HOUR_MS });
    await writerOver(store).link({ catchUp: true });
    const { expired, intact, faults } = await verify(store);
    // What is intact is the record of what expired.
    expect([expired, intact]).toEqual([3, 1]);
    expect(faults).toMatchObject([{ ref: at, fault: expect.stringContaining('when it expired') }]);
  });

  it('covers a settlement again that was deleted and is written anew', async () => {
    const store = await storeWith(2);
    const writer = writerOver(store);
    await writer.link({ catchUp: true });
    const settlement = settlementAt(START_MS, 0);
    const key = await putSettled(store, settlement);
    await store.delete(key);
    await putSettled(store, { ...settlement, settledAt: isoOf(START_MS + HOUR_MS) });
    expect((await verify(store)).faults).toHaveLength(1);
    writer.note(key, sha256(await store.get(key)));
    await writer.link({ catchUp: false });
    expect(await verify(store)).toMatchObject({ again: 1, intact: 2, faults: [] });
  });

  it('names a settlement as late for good that should have been in an earlier listing', async () => {
    const store = await storeWith(2);
    await writerOver(store).link({ catchUp: true });
    const old = settlementAt(clock.wallNow() - LATE_MS - 2 * MINUTE_MS, 9);
    const key = await putSettled(store, old);
    expect((await verify(store)).faults).toMatchObject([
      { ref: key, fault: expect.stringContaining('inserted') },
    ]);
    await writerOver(store).link({ catchUp: true });
    expect(await verify(store)).toMatchObject({ late: [key], faults: [] });
  });
});

describe('writers of links', () => {
  const directories: string[] = [];
  afterEach(async () => {
    for (const one of directories.splice(0)) await rm(one, { recursive: true, force: true });
  });

  const stores: readonly [string, () => Promise<Store>][] = [
    ['in memory', async () => new MemoryStore()],
    [
      'in a directory',
      async () => {
        const directory = await mkdtemp(join(tmpdir(), 'tierfall-links-'));
        directories.push(directory);
        return fsStore({ directory, fs: nodeFileSystem });
      },
    ],
  ];

  it.each(stores)(
    'make one chain with each manifest once, however many work on a store %s',
    async (_, open) => {
      const store = await open();
      const writers = Array.from({ length: 6 }, () => writerOver(store, 4));
      const expected: string[] = [];
      let linked = 0;
      await Promise.all(
        writers.map(async (writer, at) => {
          for (let turn = 0; turn < 8; turn += 1) {
            const seq = at * 100 + turn;
            const settledAt = isoOf(clock.wallNow());
            const key = await putSettled(store, settlementAt(START_MS + seq, seq, { settledAt }));
            expected.push(key);
            if (turn % 3 !== 0) writer.note(key, sha256(await store.get(key)));
            const count = await writer.link({ catchUp: turn % 4 === 3 });
            linked += count;
          }
        }),
      );
      linked += await writerOver(store).link({ catchUp: true });
      expect(linked).toBe(48);
      const report = await verify(store);
      expect(report).toMatchObject({ intact: 48, unlinked: 0, again: 0, late: [], faults: [] });
      expect((await coveredBy(store)).toSorted()).toEqual(expected.sort());
    },
  );

  it('go on behind the link that stands, where a server lets two write one number', async () => {
    const store = await storeWith(3);
    // Both look, both write: the second takes the place of the first.
    const careless: Store = {
      name: 'careless',
      get: (key) => store.get(key),
      head: (key) => store.head(key),
      list: (prefix, options) => store.list(prefix, options),
      delete: (key) => store.delete(key),
      put: async (key, chunks) => {
        await store.delete(key);
        return store.put(key, chunks);
      },
    };
    const [one, other] = [writerOver(careless), writerOver(store)];
    await other.link({ catchUp: true });
    const [a, b] = [
      await putSettled(store, settlementAt(START_MS, 30)),
      await putSettled(store, settlementAt(START_MS, 31)),
    ];
    await one.link({ catchUp: false });
    other.note(b, sha256(await store.get(b)));
    await other.link({ catchUp: false });
    const loser = await store.get(linkKey(CHAIN, 1));
    await store.delete(linkKey(CHAIN, 1));
    one.note(a, sha256(await store.get(a)));
    await one.link({ catchUp: false });
    await store.delete(linkKey(CHAIN, 1));
    await store.put(linkKey(CHAIN, 1), [loser]);
    const c = await putSettled(store, settlementAt(START_MS, 32));
    one.note(c, sha256(await store.get(c)));
    await one.link({ catchUp: false });
    expect(await verify(store)).toMatchObject({ links: 3, intact: 6, unlinked: 0, faults: [] });
  });

  it('make up for a crash at any call, with nothing linked twice', async () => {
    for (let crashAt = 0; ; crashAt += 1) {
      const store = await storeWith(5);
      let calls = 0;
      const guard = async <T>(run: () => Promise<T>): Promise<T> => {
        calls += 1;
        if (calls > crashAt) throw new Error('killed');
        return run();
      };
      const dying: Store = {
        name: 'dying',
        get: (key) => guard(() => store.get(key)),
        head: (key) => store.head(key),
        list: (prefix, options) => store.list(prefix, options),
        delete: (key) => store.delete(key),
        put: (key, chunks) => guard(() => store.put(key, chunks)),
      };
      const isKilled = await writeOutages({ store: dying, chain: CHAIN })
        .then(() => writerOver(dying, 2).link({ catchUp: true }))
        .then(
          () => false,
          () => true,
        );
      await writeOutages({ store, chain: CHAIN });
      await writerOver(store, 2).link({ catchUp: true });
      const report = await verify(store);
      expect(report, `killed at ${crashAt}`).toMatchObject({
        intact: 6,
        unlinked: 0,
        again: 0,
        late: [],
        faults: [],
      });
      expect(new Set(await coveredBy(store)).size).toBe((await coveredBy(store)).length);
      if (!isKilled) break;
    }
  });
});
