/**
 * A store that keeps some of its objects encrypted: whole ones that are JSON and hold bytes of records, such as those of the
 * quarantine. Parquet objects are not touched, their bodies are sealed inside.
 *
 * L1 what is not sealed is given back as it is, so that a store may be encrypted from some day on. L2 the same bytes under
 * one key are sealed to the same bytes.
 */
import type { KeyRing } from '../core/key-ring.ts';
import { checkRange } from './object-key.ts';
import type { ByteRange, GetOptions, PutOptions, Store } from './store.ts';

const MAGIC = Buffer.from('tierfall sealed 1\n');

/** Everything of `store`, with what is under `prefix` sealed by the ring. Sizes and digests are those of the sealed bytes. */
export function sealedStore(store: Store, prefix: string, keys: KeyRing): Store {
  const isMeant = (key: string): boolean => key.startsWith(prefix);
  // The key is bound to the bytes, so that one object cannot be put in the place of another.
  const headerOf = (key: string): Uint8Array => Buffer.from(`tierfall object 1 ${key}`);
  const open = (key: string, bytes: Uint8Array): Uint8Array => {
    if (Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) return bytes;
    return keys.openMessage(bytes.subarray(MAGIC.length), headerOf(key));
  };
  return {
    name: store.name,
    async put(key: string, chunks: readonly Uint8Array[], options: PutOptions = {}) {
      if (!isMeant(key)) return store.put(key, chunks, options);
      const { sha256: _ofThePlainBytes, ...rest } = options;
      return store.put(key, [MAGIC, keys.sealMessage(Buffer.concat(chunks), headerOf(key))], rest);
    },
    async get(key: string, options: GetOptions = {}) {
      if (!isMeant(key)) return store.get(key, options);
      const { range, ...rest } = options;
      if (range) checkRange(range);
      return cut(open(key, await store.get(key, rest)), range);
    },
    head: (key, options) => store.head(key, options),
    list: (listed, options) => store.list(listed, options),
    ...(store.confirm ? { confirm: store.confirm.bind(store) } : {}),
    delete: (key, options) => store.delete(key, options),
    close: async () => store.close?.(),
  };
}

function cut(bytes: Uint8Array, range: ByteRange | undefined): Uint8Array {
  return range === undefined ? bytes : bytes.subarray(range.start, range.end);
}
