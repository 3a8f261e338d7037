import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/testing/memory-store.ts';
import { storeContract } from '../../src/testing/store-contract.ts';

describe('the store in memory', () => {
  for (const c of storeContract(async () => ({ store: memoryStore(), dispose: async () => {} })))
    it(c.name, c.run);

  it('fails one call when asked, and damages bytes behind everybody', async () => {
    const store = memoryStore();
    store.failNext('put', 'STORAGE_FULL');
    await expect(store.put('a', [Uint8Array.of(1)])).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await store.put('a', [Uint8Array.of(1, 2)]);
    store.damage('a', (body) => body.fill(9));
    expect(await store.get('a')).toEqual(Uint8Array.of(9, 9));
    expect(store.calls('put')).toBe(2);
  });
});
