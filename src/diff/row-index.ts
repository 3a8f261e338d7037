/**
 * Rows by their key, in many small maps: a map that grows moves all that it holds at once, which takes tens of milliseconds
 * at a million keys.
 */
import type { RowKey } from './row-key.ts';

/** Keys of a map; as many are moved in well under a millisecond. */
const SHARD_ROWS = 4096;

function spread(value: number): number {
  const mixed = Math.imul(value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** From a few characters: enough to tell most keys apart, and maps that are unequal are only larger. */
function hashText(text: string): number {
  const { length } = text;
  let hash = length;
  for (let at = length - 1; at >= 0 && at >= length - 4; at -= 1)
    hash = Math.imul(hash, 31) + text.charCodeAt(at);
  return spread(Math.imul(hash, 31) + text.charCodeAt(length >> 1));
}

function hashKey(key: RowKey): number {
  if (typeof key === 'number') return spread(key | 0);
  if (typeof key === 'string') return hashText(key);
  return typeof key === 'bigint' ? spread(Number(BigInt.asIntN(32, key))) : 0;
}

export class RowIndex {
  readonly #maps: readonly Map<RowKey, number>[];
  readonly #mask: number;

  /** @param rows about how many there will be */
  constructor(rows: number) {
    const count = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, rows) / SHARD_ROWS)));
    this.#maps = Array.from({ length: count }, () => new Map<RowKey, number>());
    this.#mask = count - 1;
  }

  get(key: RowKey): number | undefined {
    return this.#mapOf(key)?.get(key);
  }

  set(key: RowKey, row: number): void {
    this.#mapOf(key)?.set(key, row);
  }

  #mapOf(key: RowKey): Map<RowKey, number> | undefined {
    return this.#mask === 0 ? this.#maps[0] : this.#maps[hashKey(key) & this.#mask];
  }
}
