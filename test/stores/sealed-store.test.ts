import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../src/core/key-ring.ts';
import { sha256 } from '../../src/core/keys.ts';
import { sealedStore } from '../../src/stores/sealed-store.ts';
import type { PutOptions } from '../../src/stores/store.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';
import { storeContract } from '../../src/testing/store-contract.ts';

/** Notes what it is told about the bytes that it is given. */
class NotingStore extends MemoryStore {
  readonly puts: (PutOptions | undefined)[] = [];

  override put(key: string, chunks: readonly Uint8Array[], options?: PutOptions) {
    this.puts.push(options);
    return super.put(key, chunks, options);
  }
}

function rig(prefix = 'q/') {
  const inner = new NotingStore();
  const ring = new KeyRing([{ id: 'a', key: randomBytes(32) }]);
  return { inner, ring, store: sealedStore(inner, prefix, ring) };
}

const bytes = (text: string): Uint8Array[] => [Buffer.from(text)];
const textOf = (body: Uint8Array): string => Buffer.from(body).toString();

describe('a store that seals', () => {
  // Sizes and digests are those of the sealed bytes.
  const ofBytes = /an empty object|sizes|size and digest|takes the digest|large object/;
  for (const { name, run } of storeContract(async () => ({ store: rig('').store, dispose: async () => {} }))) {
    if (!ofBytes.test(name)) it(name, run);
  }

  for (const { name, run } of storeContract(async () => ({ store: rig().store, dispose: async () => {} }))) {
    it(`${name}, outside of what it seals`, run);
  }

  it('hides what is under its prefix, and nothing else', async () => {
    const { inner, store } = rig();
    await store.put('q/1', bytes('a secret'));
    await store.put('p/1', bytes('no secret'));
    expect(textOf(await inner.get('q/1'))).not.toContain('secret');
    expect(textOf(await inner.get('p/1'))).toBe('no secret');
    expect([textOf(await store.get('q/1')), textOf(await store.get('p/1'))]).toEqual(['a secret', 'no secret']);
  });

  it('stores an empty object, sealed', async () => {
    const { inner, store } = rig();
    await store.put('q/1', []);
    expect([(await store.get('q/1')).length, (await inner.get('q/1')).length > 0]).toEqual([0, true]);
  });

  it('gives a range of what was put, not of what is stored', async () => {
    const { store } = rig();
    await store.put('q/1', bytes('0123456789'));
    expect(textOf(await store.get('q/1', { range: { start: 2, end: 5 } }))).toBe('234');
  });

  it('opens an object under no other key', async () => {
    const { inner, store } = rig();
    await store.put('q/1', bytes('one'));
    await inner.put('q/2', [await inner.get('q/1')]);
    await expect(store.get('q/2')).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' });
  });

  it('tells the store the digest of what is stored, or none', async () => {
    const { inner, store } = rig();
    const [body = Buffer.alloc(0)] = bytes('one');
    const { signal } = new AbortController();
    await store.put('q/1', [body], { sha256: sha256(body), signal });
    const [told] = inner.puts;
    expect(told?.sha256 ?? sha256(await inner.get('q/1'))).toBe(sha256(await inner.get('q/1')));
    expect(told?.signal).toBe(signal);
    expect((await store.head('q/1'))?.sha256).toBe(sha256(await inner.get('q/1')));
  });

  it('gives back what was stored before it sealed (L1)', async () => {
    const { inner, store } = rig();
    await inner.put('q/1', bytes('{"of":"old"}'));
    expect(textOf(await store.get('q/1'))).toBe('{"of":"old"}');
  });

  it('seals equal bytes under one key to equal bytes (L2)', async () => {
    const { inner, ring, store } = rig();
    const other = new MemoryStore();
    for (const one of [store, sealedStore(other, 'q/', ring)]) await one.put('q/1', bytes('one'));
    expect(await inner.get('q/1')).toEqual(await other.get('q/1'));
    await store.put('q/2', bytes('one'));
    expect(await inner.get('q/2')).not.toEqual(await inner.get('q/1'));
  });
});
