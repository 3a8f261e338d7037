/**
 * Finds the rows of one side by their keys, which are 32-bit numbers.
 *
 * T1 `add` and `find` give the first row that was added with a key. T2 different keys with one number are told apart by
 * `isSame`; without it the number is the key.
 */
import type { IsSameKey, KeyHashes } from './column-index.ts';
import type { InTurns } from './pace.ts';

export const NO_ROW = -1;

export interface KeyTable {
  /** About how long `add` and `find` take each, in nanoseconds. */
  readonly rowNs: number;
  /** Adds a row. @returns an earlier row of the same key, which stays the one that is found, or NO_ROW */
  add(hash: number, row: number): number;
  /** The first row that was added with this key, or NO_ROW. */
  find(hash: number, row: number): number;
}

/** Multiplication by an odd number and a shifted xor spread numbers that are near each other. */
function mix(value: number): number {
  const spread = Math.imul(value, 0x9e3779b1);
  return spread ^ (spread >>> 15);
}

/** A hash table with open addressing in typed arrays, for any keys. */
export class HashTable implements KeyTable {
  /** A look into a table that is larger than the caches, and at first into memory that was never touched. */
  readonly rowNs = 300;
  /** Pairs of hash and row + 1, next to each other for the sake of the cache. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  readonly #isSame: IsSameKey | undefined;

  /** @param isSame by the numbers that `add` and `find` are given */
  constructor(rows: number, isSame: IsSameKey | undefined) {
    const bits = Math.max(4, 32 - Math.clz32(Math.max(1, rows * 2 - 1)));
    this.#slots = new Int32Array(2 ** (bits + 1));
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
    this.#isSame = isSame;
  }

  add(hash: number, row: number): number {
    const slots = this.#slots;
    const slot = this.#slotOf(hash, row);
    const found = slots[2 * slot + 1] ?? 0;
    if (found !== 0) return found - 1;
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = row + 1;
    return NO_ROW;
  }

  find(hash: number, row: number): number {
    return (this.#slots[2 * this.#slotOf(hash, row) + 1] ?? 0) - 1;
  }

  /** The slot of a key, or the free one that it would take. */
  #slotOf(hash: number, row: number): number {
    const slots = this.#slots;
    const isSame = this.#isSame;
    let slot = mix(hash) >>> this.#shift;
    for (;;) {
      const found = slots[2 * slot + 1] ?? 0;
      if (found === 0 || (slots[2 * slot] === hash && (!isSame || isSame(found - 1, row)))) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

/** A place for each integer of a range: keys that count up need no hash, and rows in their order no jumps in memory. */
export class RangeTable implements KeyTable {
  readonly rowNs = 20;
  readonly #rows: Int32Array;
  readonly #min: number;

  constructor(min: number, max: number) {
    this.#rows = new Int32Array(max - min + 1);
    this.#min = min;
  }

  add(hash: number, row: number): number {
    const found = this.#rows[hash - this.#min] ?? 0;
    if (found !== 0) return found - 1;
    this.#rows[hash - this.#min] = row + 1;
    return NO_ROW;
  }

  find(hash: number): number {
    const place = hash - this.#min;
    return place >= 0 && place < this.#rows.length ? (this.#rows[place] as number) - 1 : NO_ROW;
  }
}

/** Places per row of a range table: then it is no larger than a hash table. */
const RANGE_MAX = 4;
const SCAN_NS = 2;

/** The table for the rows of B. */
export async function tableOfB({ b, isSame }: KeyHashes, inTurns: InTurns): Promise<KeyTable> {
  let min = 2 ** 31;
  let max = -(2 ** 31);
  if (!isSame) {
    await inTurns(b.length, SCAN_NS, (from, to) => {
      for (let row = from; row < to; row += 1) {
        const key = b[row] as number;
        if (key < min) min = key;
        if (key > max) max = key;
      }
    });
  }
  const isDense = max >= min && max - min < RANGE_MAX * b.length;
  return isDense ? new RangeTable(min, max) : new HashTable(b.length, isSame);
}
