import { beforeEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../src/journal/journal.ts';
import type { KeyMemory, RememberedKey } from '../../../src/reconcile/fence/key-memory.ts';
import { OrderFence, type OrderFenceOptions } from '../../../src/reconcile/fence/order-fence.ts';
import { jobId } from '../../../src/reconcile/job.ts';
import { writeSettlement } from '../../../src/reconcile/settlement.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { MemoryStore } from '../../../src/testing/memory-store.ts';

const CHAIN = 'c';
const refOf = (lane: number, order: number): string =>
  `chain=${CHAIN}/date=2026-01-01/hour=00/part=0${lane}/${String(order).padStart(16, '0')}-${'a'.repeat(32)}.parquet`;
const stored = (lane: number, order: number, ...orderingKeys: string[]) => ({
  ref: refOf(lane, order),
  lane,
  order,
  orderingKeys,
});

let clock: ManualClock;
let store: MemoryStore;
let known: Set<string>;
let hurries: number;
let remembered: readonly RememberedKey[] | undefined;
let journal: JournalEntry[];
beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryStore();
  known = new Set();
  hurries = 0;
  remembered = [];
  journal = [];
});

function open(changes: Partial<OrderFenceOptions> = {}): OrderFence {
  const memory: KeyMemory = {
    load: async () => remembered,
    remember: async (objects) => {
      const added = objects.flatMap(({ lane, order, orderingKeys }) =>
        orderingKeys.map((key) => ({ key, lane, order })),
      );
      if (remembered) remembered = [...remembered, ...added];
    },
    complete: async (keys) => {
      remembered = keys;
    },
    forget: async (keys) => {
      remembered = remembered?.filter(({ key }) => !keys().includes(key));
    },
  };
  const fence = new OrderFence({
    chain: CHAIN,
    store,
    memory,
    clock,
    journal: { checkpointed: -1, read: async (after) => journal.filter(({ seq }) => seq > after) },
    decode: async (bytes) => JSON.parse(Buffer.from(bytes).toString()) as JournalEntry[],
    queue: { knows: async (ids) => new Set(ids.filter((id) => known.has(id))) },
    hurry: () => {
      hurries += 1;
    },
    ...changes,
  });
  fence.start();
  return fence;
}

async function settle(ref: string): Promise<void> {
  await writeSettlement(store, {
    version: 1,
    ref,
    sha256: 'a'.repeat(64),
    settledAt: '2026-01-01T00:00:00.000Z',
    ...{ rows: 1, delivered: 1, degraded: 0, quarantined: 0, alreadyHeld: 0, attempts: 1 },
    proof: { sourceDigest: '', sinkDigest: null, missing: [], checked: 'receipt' },
  });
}

const entry = (orderingKey: string, seq: number): JournalEntry =>
  ({ purpose: 'replay', orderingKey, seq }) as unknown as JournalEntry;

/** What the fence says by then. */
async function answerOf(fence: OrderFence, key: string, afterMs = 0): Promise<string> {
  const answer = fence.enter(key) ?? Promise.resolve('open');
  let said: string = 'held';
  void answer.then((word) => {
    said = word;
  });
  await clock.advance(afterMs);
  return said;
}

describe('the order fence', () => {
  it('closes a key with its first append, and opens it with the settlement of its last object', async () => {
    const fence = open();
    await clock.advance(0);
    expect(fence.enter('a')).toBeUndefined();
    const appended = fence.appending('a', async () => 1);
    expect(await answerOf(fence, 'a')).toBe('fenced');
    await appended;
    expect(await answerOf(fence, 'a')).toBe('fenced');
    await fence.stored([stored(0, 1, 'a')]);
    fence.storedThrough(1);
    expect([await answerOf(fence, 'a'), await answerOf(fence, 'b')]).toEqual(['fenced', 'open']);
    fence.settled(refOf(0, 1));
    expect(fence.enter('a')).toBeUndefined();
    await fence.close();
  });

  it('opens a key again whose append failed', async () => {
    const fence = open();
    await clock.advance(0);
    const failing = fence.appending('a', () => Promise.reject(new Error('disk')));
    expect(fence.enter('a')).toBeDefined();
    await expect(failing).rejects.toThrow('disk');
    expect(fence.enter('a')).toBeUndefined();
    await fence.close();
  });

  it('learns of settlements by other processes, never takes a forgetful queue for one, and looks at heads only', async () => {
    const fence = open();
    await clock.advance(0);
    known.add(jobId(refOf(0, 1))).add(jobId(refOf(0, 2)));
    await store.put(refOf(0, 1), []);
    await store.put(refOf(0, 2), []);
    await fence.stored([stored(0, 1, 'a'), stored(0, 2, 'b')]);
    await clock.advance(500);
    expect(store.calls('get')).toBe(0);
    known.clear();
    await clock.advance(4_000);
    expect(await answerOf(fence, 'a')).toBe('fenced');
    await settle(refOf(0, 2));
    await clock.advance(4_000);
    expect(await answerOf(fence, 'b')).toBe('fenced');
    await settle(refOf(0, 1));
    await clock.advance(4_000);
    expect([fence.enter('a'), fence.enter('b'), fence.size]).toEqual([undefined, undefined, 0]);
    await fence.close();
  });

  it('forgets keys when they are open, whatever was settled first, and none that was deferred again', async () => {
    const fence = open();
    await clock.advance(0);
    for (const at of [refOf(0, 1), refOf(0, 2), refOf(0, 3)]) known.add(jobId(at));
    await fence.stored([stored(0, 1, 'a', 'c'), stored(0, 2, 'b')]);
    const keys = (): string[] => [...new Set(remembered?.map(({ key }) => key))];
    fence.settled(refOf(0, 2));
    await clock.advance(1_000);
    expect(keys()).toEqual(['a', 'c', 'b']);
    fence.settled(refOf(0, 1));
    await fence.stored([stored(0, 3, 'c')]);
    await clock.advance(1_000);
    expect(keys()).toEqual(['c']);
    await fence.close();
  });

  it('does not wait for an object that is gone', async () => {
    const fence = open();
    await clock.advance(0);
    await fence.stored([stored(0, 1, 'a')]);
    await clock.advance(4_000);
    expect(fence.enter('a')).toBeUndefined();
    await fence.close();
  });

  it('holds a batch whose lane is being drained, asks for haste, and gives up after its time', async () => {
    const fence = open({ holdMsMax: 1_000 });
    await clock.advance(0);
    await fence.stored([stored(0, 1, 'b'), stored(0, 2, 'a'), stored(1, 3, 'stuck')]);
    for (const at of [refOf(0, 1), refOf(0, 2), refOf(1, 3)]) known.add(jobId(at));
    expect(await answerOf(fence, 'a')).toBe('fenced');
    fence.settled(refOf(0, 1));
    expect(await answerOf(fence, 'stuck')).toBe('fenced');
    expect(hurries).toBe(0);
    expect(await answerOf(fence, 'a', 999)).toBe('held');
    expect(hurries).toBe(1);
    await clock.advance(1);
    fence.settled(refOf(0, 0));
    expect(await answerOf(fence, 'a')).toBe('fenced');
    fence.settled(refOf(0, 2));
    expect(fence.enter('a')).toBeUndefined();
    await fence.close();
  });

  it('lets a held batch go on when its key opens', async () => {
    const fence = open();
    await clock.advance(0);
    await fence.stored([stored(0, 1, 'b'), stored(0, 2, 'a')]);
    fence.settled(refOf(0, 1));
    const answer = fence.enter('a');
    fence.settled(refOf(0, 2));
    expect(await answer).toBe('open');
    await fence.close();
  });

  it('knows the keys of an earlier process by its memory and its journal, before the store answers', async () => {
    remembered = [
      { key: 'done', lane: 0, order: 1 },
      { key: 'packed', lane: 0, order: 5 },
      { key: 'older', lane: 0, order: 3 },
    ];
    journal = [entry('late', 9), { ...entry('heal', 10), purpose: 'heal' }];
    await store.put(refOf(0, 3), []);
    await store.put(refOf(0, 5), []);
    for (const at of [refOf(0, 3), refOf(0, 5)]) known.add(jobId(at));
    store.failNext('list');
    const fence = open();
    await clock.advance(0);
    const keys = ['done', 'packed', 'older', 'late', 'heal', 'other'];
    const closed = (): string[] => keys.filter((key) => fence.enter(key) !== undefined);
    expect(closed()).toEqual(['done', 'packed', 'older', 'late']);
    await clock.advance(2_000);
    expect(closed()).toEqual(['packed', 'older', 'late']);
    fence.settled(refOf(0, 3));
    expect(closed()).toEqual(['packed', 'late']);
    await fence.close();
  });

  it('reads the objects where the memory was lost, holding batches meanwhile, and remembers', async () => {
    remembered = undefined;
    await store.put(refOf(0, 1), [Buffer.from(JSON.stringify([entry('a', 1), entry('b', 2)]))]);
    await store.put(refOf(0, 5), [Buffer.from(JSON.stringify([entry('a', 5)]))]);
    await store.put(refOf(1, 7), [Buffer.from(JSON.stringify([entry('done', 7)]))]);
    await settle(refOf(1, 7));
    const fence = open();
    const answers = ['a', 'b', 'done', 'other'].map((key) => fence.enter(key));
    await clock.advance(0);
    expect(await Promise.all(answers)).toEqual(['fenced', 'fenced', 'open', 'open']);
    expect(remembered).toEqual([
      { key: 'a', lane: 0, order: 1 },
      { key: 'b', lane: 0, order: 1 },
      { key: 'a', lane: 0, order: 5 },
    ]);
    await fence.close();
  });

  it('defers keyed batches while nothing is known and the store is away, and finds out later', async () => {
    remembered = undefined;
    store.failNext('list');
    const fence = open();
    expect(await answerOf(fence, 'a', 999)).toBe('held');
    await clock.advance(1);
    expect(await answerOf(fence, 'a')).toBe('fenced');
    await clock.advance(2_000);
    expect(fence.enter('a')).toBeUndefined();
    await fence.close();
  });

  it.each([-1, 60_001, Number.NaN])('refuses to hold for %s ms', (holdMsMax) => {
    expect(() => open({ holdMsMax })).toThrow('fence.holdMsMax');
  });

  it('keeps remembered keys closed while the store is away', async () => {
    remembered = [{ key: 'a', lane: 0, order: 1 }];
    store.failNext('list');
    const fence = open();
    await clock.advance(1_000);
    expect([await answerOf(fence, 'a'), fence.enter('b')]).toEqual(['fenced', undefined]);
    await clock.advance(2_000);
    expect(fence.enter('a')).toBeUndefined();
    await fence.close();
  });
});
