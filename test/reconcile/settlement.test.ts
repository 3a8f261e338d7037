import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isSettled,
  readSettlement,
  type Settlement,
  settledRef,
  settlementKey,
  writeSettlement,
} from '../../src/reconcile/settlement.ts';
import { memoryStore } from '../../src/testing/memory-store.ts';

const REF = `chain=c/date=2026-11-20/hour=00/part=3/0000000000000042-${'a'.repeat(32)}.parquet`;

function settlementOf(changes: Partial<Settlement> = {}): Settlement {
  return {
    version: 1,
    ref: REF,
    sha256: 'a'.repeat(64),
    settledAt: '2026-11-20T00:00:00.000Z',
    rows: 10,
    delivered: 6,
    degraded: 1,
    quarantined: 2,
    alreadyHeld: 1,
    proof: { sourceDigest: 'x', sinkDigest: 'x', missing: [], checked: 'lookup' },
    attempts: 1,
    ...changes,
  };
}

describe('a settlement', () => {
  it('is read back as it was written, and makes the object settled', async () => {
    const store = memoryStore();
    expect(await isSettled(store, REF)).toBe(false);
    expect(await writeSettlement(store, settlementOf())).toEqual(settlementOf());
    expect(await readSettlement(store, REF)).toMatchObject({ state: 'valid', settlement: settlementOf() });
    expect(await isSettled(store, REF)).toBe(true);
  });

  it('stands: a later one changes nothing and is given the first', async () => {
    const store = memoryStore();
    await writeSettlement(store, settlementOf());
    const later = settlementOf({ delivered: 7, alreadyHeld: 0 });
    expect(await writeSettlement(store, later)).toEqual(settlementOf());
    expect(store.keys).toEqual([settlementKey(REF)]);
  });

  it('gives both of two writers the same one', async () => {
    const store = memoryStore();
    const one = settlementOf({ attempts: 1 });
    const two = settlementOf({ attempts: 2 });
    const [a, b] = await Promise.all([writeSettlement(store, one), writeSettlement(store, two)]);
    expect(a).toEqual(b);
  });

  it('is refused when it does not balance', async () => {
    await expect(writeSettlement(memoryStore(), settlementOf({ delivered: 5 }))).rejects.toMatchObject({
      code: 'STORAGE_CORRUPT',
      message: expect.stringContaining('9 of 10 rows'),
    });
  });

  it.each([
    ['is cut short', (body: Uint8Array) => body.subarray(0, 40)],
    ['is empty', () => new Uint8Array(0)],
    ['is not UTF-8', (body: Uint8Array) => body.fill(0xff, 5, 9)],
    ['is null', () => Buffer.from('null')],
    ['is about another object', (body: Uint8Array) => replace(body, 'part=3', 'part=4')],
    ['does not balance', (body: Uint8Array) => replace(body, '"delivered": 6', '"delivered": 7')],
    ['counts below zero', (body: Uint8Array) => replace(body, '"attempts": 1', '"attempts": -1')],
    ['is of another version', (body: Uint8Array) => replace(body, '"version": 1', '"version": 2')],
    ['has no proof', (body: Uint8Array) => replace(body, '"proof"', '"prove"')],
  ])('that %s counts as open, is left in place, and the next is written beside it', async (_what, damage) => {
    const store = memoryStore();
    await writeSettlement(store, settlementOf());
    store.damage(settlementKey(REF), damage);
    const found = await readSettlement(store, REF);
    expect(found).toMatchObject({ state: 'invalid', key: settlementKey(REF) });
    await writeSettlement(store, settlementOf({ attempts: 5 }));
    expect(store.keys).toHaveLength(2);
    expect(await readSettlement(store, REF)).toMatchObject({ state: 'valid', settlement: { attempts: 5 } });
  });

  it('is found again by its key, and sorts right behind its object', () => {
    for (const generation of [1, 2, 9]) {
      const key = settlementKey(REF, generation);
      expect(settledRef(key)).toBe(REF);
      expect([key, REF].sort()[0]).toBe(REF);
    }
    expect(settledRef(REF)).toBeUndefined();
  });

  it('passes on that the store cannot be read', async () => {
    const store = memoryStore();
    store.failNext('get');
    await expect(readSettlement(store, REF)).rejects.toMatchObject({ code: 'STORAGE_IO' });
  });

  it('never makes a store with random bytes look settled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const store = memoryStore();
        await store.put(settlementKey(REF), [bytes]);
        expect(await isSettled(store, REF)).toBe(false);
      }),
    );
  });
});

function replace(body: Uint8Array, from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(body).toString().replace(from, to));
}
