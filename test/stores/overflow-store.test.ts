import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import { overflowStore } from '../../src/stores/overflow-store.ts';
import type { Store } from '../../src/stores/store.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { storeContract } from '../../src/testing/store-contract.ts';

const bytes = (text: string): Uint8Array[] => [Buffer.from(text)];

function rig(isPressed = true) {
  const first = new MemoryStore({ name: 'first' });
  const second = new MemoryStore({ name: 'second' });
  let pressed = isPressed;
  const store = overflowStore({ first, second, isPressed: () => pressed });
  return {
    first,
    second,
    store,
    relax: () => {
      pressed = false;
    },
  };
}

async function keysOf(store: Store, prefix = '', after?: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, after === undefined ? {} : { after })) keys.push(key);
  return keys;
}

describe('two stores as one', () => {
  for (const contractCase of storeContract(async () => ({ store: rig().store, dispose: async () => {} }))) {
    it(contractCase.name, contractCase.run);
  }

  // A first store that refuses every other put, so that objects are spread over both.
  for (const contractCase of storeContract(async () => {
    const { first, store } = rig();
    let puts = 0;
    const put = first.put.bind(first);
    first.put = async (...args) => {
      puts += 1;
      if (puts % 2 === 0) throw new StorageError('STORAGE_IO', 'away', { hint: 'Wait.' });
      return put(...args);
    };
    return { store, dispose: async () => {} };
  }).filter(({ name }) => !/twice|same time|leaves it as it was/.test(name))) {
    it(`${contractCase.name}, spread over both`, contractCase.run);
  }

  it('keep to the first store until there is pressure, and come back to it afterwards', async () => {
    const { first, second, store, relax } = rig();
    first.failNext('put');
    expect(await store.put('a', bytes('1'))).toBe('created');
    expect([first.keys, second.keys]).toEqual([[], ['a']]);
    expect(Buffer.from(await store.get('a')).toString()).toBe('1');
    await store.put('b', bytes('2'));
    expect(first.keys).toEqual(['b']);
    relax();
    first.failNext('put');
    await expect(store.put('c', bytes('3'))).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(second.keys).toEqual(['a']);
  });

  it('call nothing absent while one of them does not answer', async () => {
    const { first, second, store } = rig();
    first.failNext('get');
    await expect(store.get('gone')).rejects.toMatchObject({ code: 'STORAGE_IO' });
    second.failNext('get');
    await expect(store.get('gone')).rejects.toMatchObject({ code: 'STORAGE_IO' });
    await expect(store.get('gone')).rejects.toMatchObject({ code: 'STORAGE_NOT_FOUND' });
    second.failNext('list');
    await expect(keysOf(store)).rejects.toMatchObject({ code: 'STORAGE_IO' });
    first.failNext('head');
    await expect(store.head('gone')).rejects.toMatchObject({ code: 'STORAGE_IO' });
    second.failNext('head');
    await expect(store.head('gone')).rejects.toMatchObject({ code: 'STORAGE_IO' });
    expect(await store.head('gone')).toBeUndefined();
  });

  it('find what the second holds while the first does not answer', async () => {
    const { first, second, store } = rig();
    await second.put('a', bytes('1'));
    first.failNext('head');
    expect((await store.head('a'))?.bytes).toBe(1);
    first.failNext('get');
    expect(Buffer.from(await store.get('a')).toString()).toBe('1');
  });

  it('list what either holds once, in the order of keys', async () => {
    const keys = fc.uniqueArray(fc.stringMatching(/^[a-c\u00e9\uffee]{1,4}$/), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(keys, keys, fc.constantFrom('', 'a', 'b'), async (inFirst, inSecond, prefix) => {
        const { first, second, store } = rig();
        for (const key of inFirst) await first.put(key, bytes('1'));
        for (const key of inSecond) await second.put(key, bytes('2'));
        const expected = [...new Set([...inFirst, ...inSecond])]
          .filter((key) => key.startsWith(prefix))
          .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(await keysOf(store, prefix)).toEqual(expected);
        const after = expected[1];
        if (after !== undefined) expect(await keysOf(store, prefix, after)).toEqual(expected.slice(2));
      }),
      { numRuns: 200 },
    );
  });
});
