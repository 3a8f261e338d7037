/** What every Store must do; runs under any test runner. */
import assert from 'node:assert/strict';
import type { Store, StoredObject } from '../stores/store.ts';

/** One case of a contract suite: `for (const c of suite) it(c.name, c.run)`. */
export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

/** A fresh, empty store, and how to remove it. */
export interface StoreHost {
  readonly store: Store;
  dispose(): Promise<void>;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function listAll(store: Store, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of store.list(prefix)) found.push(object);
  return found;
}

async function keysIn(store: Store, prefix: string): Promise<string[]> {
  return (await listAll(store, prefix)).map((object) => object.key);
}

const BAD_KEYS = [
  '',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  'a/../b',
  './a',
  'a/.',
  'a\0b',
  'a\\b',
  '../../etc/passwd',
];

const CHECKS: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  'gives back the chunks as one object, byte for byte': async (store) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    assert.equal(
      await store.put('a/b/c.bin', [bytes.subarray(0, 100), new Uint8Array(0), bytes.subarray(100)]),
      'created',
    );
    assert.deepEqual(Uint8Array.from(await store.get('a/b/c.bin')), bytes);
  },
  'keeps the first bytes when a key is put twice': async (store) => {
    assert.equal(await store.put('k', [bytesOf('first')]), 'created');
    assert.equal(await store.put('k', [bytesOf('second')]), 'exists');
    assert.deepEqual(Uint8Array.from(await store.get('k')), bytesOf('first'));
  },
  'creates a key once when many put it at the same time': async (store) => {
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) => store.put('race/k', [bytesOf(`${i}`)])),
    );
    assert.equal(results.filter((result) => result === 'created').length, 1);
    assert.equal((await store.get('race/k')).length, 1);
  },
  'stores an empty object': async (store) => {
    await store.put('empty', []);
    assert.equal((await store.get('empty')).length, 0);
    assert.equal((await listAll(store, 'empty'))[0]?.bytes, 0);
  },
  'says STORAGE_NOT_FOUND for what is absent, also for a prefix of a key': async (store) => {
    await store.put('dir/object', [bytesOf('x')]);
    for (const key of ['absent', 'dir', 'dir/object/below', 'dir/other']) {
      await assert.rejects(store.get(key), { name: 'StorageError', code: 'STORAGE_NOT_FOUND' });
    }
  },
  'lists a prefix in key order, with sizes': async (store) => {
    const keys = ['a-b', 'a/b-c/d', 'a/b/c', 'b', 'a.txt', 'a/z'];
    for (const key of keys) await store.put(key, [bytesOf(key)]);
    assert.deepEqual(await keysIn(store, ''), [...keys].sort());
    assert.deepEqual(await keysIn(store, 'a/'), ['a/b-c/d', 'a/b/c', 'a/z']);
    assert.deepEqual(await keysIn(store, 'a/b'), ['a/b-c/d', 'a/b/c']);
    assert.deepEqual(await keysIn(store, 'a/b/c'), ['a/b/c']);
    assert.deepEqual(await keysIn(store, 'nothing/here'), []);
    const [object] = await listAll(store, 'a-b');
    assert.equal(object?.bytes, 3);
    assert.ok((object?.modifiedMs ?? 0) >= 0);
  },
  'deletes, and does not complain when there is nothing to delete': async (store) => {
    await store.put('x/y', [bytesOf('1')]);
    await store.delete('x/y');
    await store.delete('x/y');
    await store.delete('never/was');
    assert.deepEqual(await keysIn(store, ''), []);
    assert.equal(await store.put('x/y', [bytesOf('2')]), 'created');
  },
  'refuses keys that could leave its root': async (store) => {
    for (const key of BAD_KEYS) {
      const refusal = { name: 'StorageError', code: 'STORAGE_KEY_INVALID' };
      await assert.rejects(store.put(key, [bytesOf('x')]), refusal, key);
      await assert.rejects(store.get(key), refusal, key);
      await assert.rejects(store.delete(key), refusal, key);
    }
    assert.deepEqual(await keysIn(store, ''), []);
  },
  'takes keys with the characters that keys have': async (store) => {
    const key = 'chain=demo/date=2026-11-20/hour=07/part=03/0000000000000001-abc.settled.json';
    await store.put(key, [bytesOf('{}')]);
    assert.deepEqual(await keysIn(store, 'chain=demo/'), [key]);
  },
};

/** @param make a fresh, empty store for every case */
export function storeContract(make: () => Promise<StoreHost>): ContractCase[] {
  return Object.entries(CHECKS).map(([name, check]) => ({
    name,
    run: async () => {
      const { store, dispose } = await make();
      await check(store).finally(async () => {
        await store.close?.();
        await dispose();
      });
    },
  }));
}
