/** Every way to change what was linked, at random places: each must be told, and told where it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/keys.ts';
import { decodeLink, encodeLink, linkPrefix } from '../../../src/reconcile/manifests/link.ts';
import { LinkWriter } from '../../../src/reconcile/manifests/link-writer.ts';
import { verifyLinks } from '../../../src/reconcile/manifests/verify-links.ts';
import { writeOutages } from '../../../src/reconcile/manifests/write-outages.ts';
import { settledRef, settlementKey } from '../../../src/reconcile/settlement.ts';
import { MemoryStore } from '../../../src/testing/memory-store.ts';
import { CHAIN, MINUTE_MS, putSettled, START_MS, settlementAt } from './settled.ts';

const clock = { wallNow: () => START_MS + 600 * MINUTE_MS };

async function linkedStore(objects: number, coversMax: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (let seq = 0; seq < objects; seq += 1) {
    await putSettled(store, settlementAt(START_MS + seq * 7 * MINUTE_MS, seq));
  }
  await writeOutages({ store, chain: CHAIN });
  await new LinkWriter({ store, chain: CHAIN, clock, coversMax }).link({ catchUp: true });
  return store;
}

interface Tampering {
  readonly store: MemoryStore;
  readonly settlements: readonly string[];
  readonly outages: readonly string[];
  readonly links: readonly string[];
  /** Draws one of a list. */
  readonly pick: (keys: readonly string[]) => string;
  readonly at: number;
}

const flip =
  (at: number) =>
  (body: Uint8Array): Uint8Array => {
    const place = at % body.length;
    body[place] = (body[place] ?? 0) ^ 1;
    return body;
  };

async function swap(store: MemoryStore, one: string, other: string): Promise<void> {
  const [a, b] = [await store.get(one), await store.get(other)];
  store.damage(one, () => b);
  store.damage(other, () => a);
}

/** Each changes the store and tells which keys may be named for it. */
const TAMPERINGS: Readonly<Record<string, (world: Tampering) => Promise<readonly string[]>>> = {
  'edits a settlement': async ({ store, settlements, pick, at }) => {
    const key = pick(settlements);
    store.damage(key, flip(at));
    return [key];
  },
  'deletes a settlement': async ({ store, settlements, pick }) => {
    const key = pick(settlements);
    await store.delete(key);
    return [key];
  },
  'swaps two settlements': async ({ store, settlements }) => {
    const [one = '', other = ''] = settlements;
    await swap(store, one, other);
    return [one, other];
  },
  'inserts a second settlement beside one': async ({ store, settlements, pick }) => {
    const key = pick(settlements);
    const second = settlementKey(settledRef(key) ?? '', 2);
    const today = { settledAt: new Date(clock.wallNow()).toISOString() };
    const forged = { ...JSON.parse(Buffer.from(await store.get(key)).toString()), ...today };
    await store.put(second, [Buffer.from(JSON.stringify(forged))]);
    return [second];
  },
  'inserts a settlement with an earlier date': async ({ store }) => [
    await putSettled(store, settlementAt(START_MS + MINUTE_MS, 777)),
  ],
  'inserts a settlement of today about other bytes': async ({ store }) => {
    const forged = settlementAt(START_MS, 778, { settledAt: new Date(clock.wallNow()).toISOString() });
    return [await putSettled(store, { ...forged, sha256: 'f'.repeat(64) })];
  },
  'edits an outage': async ({ store, outages, pick, at }) => {
    const key = pick(outages);
    store.damage(key, flip(at));
    return [key];
  },
  'edits a link': async ({ store, links, pick, at }) => {
    const key = pick(links);
    store.damage(key, flip(at));
    return [key];
  },
  'rewrites a link with a hash of its own that fits': async ({ store, links, at }) => {
    const n = at % (links.length - 1);
    const { link } = decodeLink(await store.get(links[n] ?? ''), CHAIN, n);
    if (!link) throw new Error('is a link');
    const { bytes } = encodeLink({ ...link, covers: link.covers.slice(1) });
    store.damage(links[n] ?? '', () => bytes);
    return [links[n + 1] ?? ''];
  },
  'deletes a link that is not the last': async ({ store, links, at }) => {
    const key = links[at % (links.length - 1)] ?? '';
    await store.delete(key);
    return [key];
  },
  'swaps two links': async ({ store, links }) => {
    const [one = '', other = ''] = links;
    await swap(store, one, other);
    return [one, other];
  },
};

describe('the chain over manifests tells when somebody', () => {
  it.each(Object.entries(TAMPERINGS))('%s', async (_, tamper) => {
    const draws = fc.record({
      objects: fc.integer({ min: 3, max: 14 }),
      coversMax: fc.integer({ min: 1, max: 2 }),
      at: fc.nat(5000),
      which: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(draws, async ({ objects, coversMax, at, which }) => {
        const store = await linkedStore(objects, coversMax);
        const keys = store.keys;
        const before = await verifyLinks({ store, chain: CHAIN });
        expect(before.faults).toEqual([]);
        const named = await tamper({
          store,
          settlements: keys.filter((key) => settledRef(key) !== undefined),
          outages: keys.filter((key) => key.startsWith('outages/')),
          links: keys.filter((key) => key.startsWith(linkPrefix(CHAIN))),
          pick: (some) => some[which % some.length] ?? '',
          at,
        });
        const { faults } = await verifyLinks({ store, chain: CHAIN });
        const refs = faults.map(({ ref }) => ref);
        for (const key of named) expect(refs).toContain(key);
      }),
      { numRuns: 40 },
    );
  });

  it('cuts the tail, when the head was kept; without it the shorter chain looks whole', async () => {
    const store = await linkedStore(6, 2);
    const { head } = await verifyLinks({ store, chain: CHAIN });
    const last = store.keys.filter((key) => key.startsWith(linkPrefix(CHAIN))).at(-1) ?? '';
    await store.delete(last);
    const without = await verifyLinks({ store, chain: CHAIN });
    expect(without.faults).toEqual([]);
    expect(without.unlinked).toBeGreaterThan(0);
    const { faults } = await verifyLinks({ store, chain: CHAIN, head });
    expect(faults).toMatchObject([{ fault: expect.stringContaining('cut off') }]);
  });

  it('writes the whole chain anew, when the head was kept', async () => {
    const store = await linkedStore(6, 2);
    const { head } = await verifyLinks({ store, chain: CHAIN });
    for (const key of store.keys) if (key.startsWith(linkPrefix(CHAIN))) await store.delete(key);
    const [key = ''] = store.keys.filter((one) => settledRef(one) !== undefined);
    store.damage(key, flip(3));
    await new LinkWriter({ store, chain: CHAIN, clock }).link({ catchUp: true });
    expect((await verifyLinks({ store, chain: CHAIN })).faults).toEqual([]);
    expect((await verifyLinks({ store, chain: CHAIN, head })).faults).toHaveLength(1);
  });

  it('and not when the chain has only grown since its head was kept', async () => {
    const store = await linkedStore(6, 2);
    const { head } = await verifyLinks({ store, chain: CHAIN });
    const writer = new LinkWriter({ store, chain: CHAIN, clock });
    const key = await putSettled(store, settlementAt(START_MS + 700 * MINUTE_MS, 90));
    writer.note(key, sha256(await store.get(key)));
    await writer.link({ catchUp: false });
    const report = await verifyLinks({ store, chain: CHAIN, head });
    expect(report.faults).toEqual([]);
    expect(report.head).not.toBe(head);
  });
});
