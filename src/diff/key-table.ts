/**
 * Finds the rows of one side by their keys, which are 32-bit numbers.
 *
 * T1 `add` and `find` give the first row that was added with a key. T2 different keys with one number are told apart by
 * `isSame`; without it the number is the key. T3 where keys stand depends on a seed of the table alone, and a run of more
 * than `RUN_MAX` slots makes it choose another: no choice of keys makes all of them look at each other.
 */
import type { IsSameKey, KeyHashes } from './column-index.ts';
import { type HashSeed, randomSeed, spread } from './keyed-hash.ts';
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

/** Half of the slots are free, so by chance one in 10^20 keys stands so far from its place. */
const RUN_MAX = 256;
/** Keys of one number are a run under any seed. */
const RESEEDS_MAX = 4;

/** A hash table with open addressing in typed arrays, for any keys. */
export class HashTable implements KeyTable {
  /** A look into a table that is larger than the caches, and at first into memory that was never touched. */
  readonly rowNs = 300;
  /** Pairs of hash and row + 1, next to each other for the sake of the cache. */
  #slots: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  readonly #isSame: IsSameKey | undefined;
  #seed: HashSeed;
  #reseeds = 0;
  /** Of the last key. */
  #run = 0;
  #looks = 0;

  /** @param isSame by the numbers that `add` and `find` are given */
  constructor(rows: number, isSame: IsSameKey | undefined, seed = randomSeed()) {
    const bits = Math.max(4, 32 - Math.clz32(Math.max(1, rows * 2 - 1)));
    this.#slots = new Int32Array(2 ** (bits + 1));
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
    this.#isSame = isSame;
    this.#seed = seed;
  }

  /** Slots that were looked at so far. */
  get looks(): number {
    return this.#looks;
  }

  add(hash: number, row: number): number {
    let slot = this.#slotOf(hash, row);
    const found = this.#slots[2 * slot + 1] ?? 0;
    if (found !== 0) return found - 1;
    if (this.#run > RUN_MAX && this.#reseeds < RESEEDS_MAX) {
      this.#reseed();
      slot = this.#slotOf(hash, row);
    }
    this.#slots[2 * slot] = hash;
    this.#slots[2 * slot + 1] = row + 1;
    return NO_ROW;
  }

  find(hash: number, row: number): number {
    return (this.#slots[2 * this.#slotOf(hash, row) + 1] ?? 0) - 1;
  }

  /** The slot of a key, or the free one that it would take. */
  #slotOf(hash: number, row: number): number {
    const slots = this.#slots;
    const isSame = this.#isSame;
    let slot = spread(hash, this.#seed) >>> this.#shift;
    for (let run = 1; ; run += 1) {
      const found = slots[2 * slot + 1] ?? 0;
      if (found === 0 || (slots[2 * slot] === hash && (!isSame || isSame(found - 1, row)))) {
        this.#run = run;
        this.#looks += run;
        return slot;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** All keys are different, so none has to be compared. */
  #reseed(): void {
    this.#reseeds += 1;
    this.#seed = randomSeed();
    const [slots, old] = [new Int32Array(this.#slots.length), this.#slots];
    for (let from = 0; from < old.length; from += 2) {
      const [hash, row] = [old[from] as number, old[from + 1] as number];
      if (row === 0) continue;
      let slot = spread(hash, this.#seed) >>> this.#shift;
      while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & this.#mask;
      slots[2 * slot] = hash;
      slots[2 * slot + 1] = row;
    }
    this.#slots = slots;
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
