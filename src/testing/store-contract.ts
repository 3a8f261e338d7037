/** What every Store must do; runs under any test runner. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ListOptions, Store, StoredObject } from '../stores/store.ts';

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

async function listAll(store: Store, prefix: string, options?: ListOptions): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of store.list(prefix, options)) found.push(object);
  return found;
}

async function keysIn(store: Store, prefix: string, options?: ListOptions): Promise<string[]> {
  return (await listAll(store, prefix, options)).map((object) => object.key);
}

function sha256Of(...chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** More than two parts of a store that uploads in parts of 5 MiB. */
const LARGE_BYTES = 11 * 1024 * 1024 + 3;

/** Bytes without a period, in chunks of uneven sizes. */
function largeChunks(): Uint8Array[] {
  const bytes = new Uint8Array(LARGE_BYTES);
  for (let at = 0, state = 1; at < bytes.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[at] = state >>> 24;
  }
  return [bytes.subarray(0, 1), bytes.subarray(1, 7_000_000), bytes.subarray(7_000_000)];
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
  'gives a range, and leaves out what lies behind the end': async (store) => {
    const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
    await store.put('ranges/r', [bytes]);
    const range = async (start: number, end: number) =>
      Uint8Array.from(await store.get('ranges/r', { range: { start, end } }));
    assert.deepEqual(await range(0, 1), bytes.subarray(0, 1));
    assert.deepEqual(await range(10, 20), bytes.subarray(10, 20));
    assert.deepEqual(await range(99, 100), bytes.subarray(99));
    assert.deepEqual(await range(90, 1000), bytes.subarray(90));
    assert.equal((await range(100, 101)).length, 0);
    assert.equal((await range(5000, 6000)).length, 0);
    for (const [start, end] of [
      [-1, 1],
      [1, 1],
      [2, 1],
      [0, 0.5],
      [Number.NaN, 1],
    ] as const) {
      await assert.rejects(range(start, end), { name: 'StorageError', code: 'STORAGE_RANGE_INVALID' });
    }
    const absent = store.get('ranges/none', { range: { start: 0, end: 1 } });
    await assert.rejects(absent, { name: 'StorageError', code: 'STORAGE_NOT_FOUND' });
  },
  'tells size and digest without the bytes, and undefined for what is absent': async (store) => {
    await store.put('heads/a', [bytesOf('one'), bytesOf('two')]);
    await store.put('heads/empty', []);
    const head = await store.head('heads/a');
    assert.equal(head?.key, 'heads/a');
    assert.equal(head?.bytes, 6);
    assert.equal(head?.sha256, sha256Of(bytesOf('onetwo')));
    assert.ok((head?.modifiedMs ?? -1) >= 0);
    assert.equal((await store.head('heads/empty'))?.sha256, sha256Of());
    for (const key of ['heads', 'heads/b', 'heads/a/below', 'none']) {
      assert.equal(await store.head(key), undefined, key);
    }
  },
  'confirms what is there, and knows of nothing else, when it can': async (store) => {
    await store.put('confirmed/a/one', [bytesOf('one')]);
    await store.put('confirmed/two', [bytesOf('two')]);
    await store.confirm?.(['confirmed/a/one', 'confirmed/two', 'confirmed/none', 'nowhere/at/all']);
    await store.confirm?.([]);
    assert.deepEqual(await keysIn(store, 'confirmed/'), ['confirmed/a/one', 'confirmed/two']);
    assert.deepEqual(await keysIn(store, 'nowhere/'), []);
  },
  'takes the digest from whoever has it': async (store) => {
    const chunks = [bytesOf('known')];
    const sha256 = sha256Of(...chunks);
    assert.equal(await store.put('digest', chunks, { sha256 }), 'created');
    assert.equal((await store.head('digest'))?.sha256, sha256);
  },
  'stores a large object, byte for byte, and leaves it as it was': async (store) => {
    const chunks = largeChunks();
    assert.equal(await store.put('large', chunks), 'created');
    assert.equal(await store.put('large', [bytesOf('small')]), 'exists');
    assert.equal(await store.put('large', chunks), 'exists');
    const head = await store.head('large');
    assert.deepEqual([head?.bytes, head?.sha256], [LARGE_BYTES, sha256Of(...chunks)]);
    assert.equal(sha256Of(await store.get('large')), sha256Of(...chunks));
    const range = { start: 6_999_990, end: 7_000_010 };
    const middle = await store.get('large', { range });
    assert.equal(sha256Of(middle), sha256Of(Buffer.concat(chunks).subarray(range.start, range.end)));
  },
  'lists behind a key': async (store) => {
    const keys = ['l/a', 'l/b/c', 'l/b/d', 'l/b0', 'l/c'];
    for (const key of keys) await store.put(key, [bytesOf(key)]);
    assert.deepEqual(await keysIn(store, 'l/', { after: 'l/b/c' }), ['l/b/d', 'l/b0', 'l/c']);
    assert.deepEqual(await keysIn(store, 'l/b', { after: 'l/b' }), ['l/b/c', 'l/b/d', 'l/b0']);
    assert.deepEqual(await keysIn(store, 'l/', { after: 'l/bb' }), ['l/c']);
    assert.deepEqual(await keysIn(store, 'l/', { after: 'l/c' }), []);
    assert.deepEqual(await keysIn(store, '', { after: 'a' }), keys);
  },
  'lists on while objects are deleted and put': async (store) => {
    const keys = Array.from({ length: 30 }, (_, i) => `walk/${String(i).padStart(2, '0')}`);
    for (const key of keys) await store.put(key, [bytesOf(key)]);
    const seen: string[] = [];
    for await (const { key } of store.list('walk/')) {
      seen.push(key);
      await store.delete(key);
      await store.put(`other/${key}`, []);
    }
    assert.deepEqual(seen, keys);
    assert.deepEqual(await keysIn(store, 'walk/'), []);
  },
  'ends a call whose signal is aborted, with the reason': async (store) => {
    const signal = AbortSignal.abort(new Error('enough'));
    const reason = { message: 'enough' };
    await assert.rejects(store.put('s', [bytesOf('x')], { signal }), reason);
    assert.equal(await store.put('t', [bytesOf('x')]), 'created');
    await assert.rejects(store.get('t', { signal }), reason);
    await assert.rejects(store.head('t', { signal }), reason);
    await assert.rejects(store.delete('t', { signal }), reason);
    await assert.rejects(keysIn(store, 't', { signal }), reason);
    assert.deepEqual(await keysIn(store, ''), ['t']);
  },
  'deletes, and does not complain when there is nothing to delete': async (store) => {
    await store.put('x/y', [bytesOf('1')]);
    await store.delete('x/y');
    await store.delete('x/y');
    await store.delete('never/was');
    assert.deepEqual(await keysIn(store, ''), []);
    await store.put('x/y', [bytesOf('1')]);
    await store.delete('x');
    assert.deepEqual(await keysIn(store, ''), ['x/y']);
    await store.delete('x/y');
    assert.equal(await store.put('x/y', [bytesOf('2')]), 'created');
  },
  'refuses keys that could leave its root': async (store) => {
    for (const key of BAD_KEYS) {
      const refusal = { name: 'StorageError', code: 'STORAGE_KEY_INVALID' };
      await assert.rejects(store.put(key, [bytesOf('x')]), refusal, key);
      await assert.rejects(store.get(key), refusal, key);
      await assert.rejects(store.head(key), refusal, key);
      await assert.rejects(store.delete(key), refusal, key);
    }
    assert.deepEqual(await keysIn(store, ''), []);
  },
  'takes keys with the characters that keys have': async (store) => {
    const key = 'chain=demo/date=2026-11-20/hour=07/part=03/0000000000000001-abc.settled.json';
    await store.put(key, [bytesOf('{}')]);
    assert.deepEqual(await keysIn(store, 'chain=demo/'), [key]);
  },
  'keeps keys apart that differ in characters with a meaning elsewhere': async (store) => {
    const keys = [
      'odd/a b',
      'odd/a+b',
      'odd/a%20b',
      'odd/a%2Fb',
      'odd/..b',
      'odd/a&b=c?d#e',
      'odd/<x>"\'',
      'odd/żółć €',
      'odd/tab\there',
      'odd/~!*()',
    ];
    for (const key of keys) assert.equal(await store.put(key, [bytesOf(key)]), 'created', key);
    for (const key of keys) assert.equal(new TextDecoder().decode(await store.get(key)), key);
    assert.deepEqual(await keysIn(store, 'odd/'), [...keys].sort());
    assert.deepEqual(await keysIn(store, 'odd/a%'), ['odd/a%20b', 'odd/a%2Fb']);
    for (const key of keys) await store.delete(key);
    assert.deepEqual(await keysIn(store, 'odd/'), []);
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
