/**
 * Finds rows of one side by the key of rows of the other: a hash table with open addressing in typed arrays.
 *
 * J1 two rows are of one key only if their cells were compared, or if the hash is reversible (32-bit integers). J2 rows of
 * one key form a chain in their order. J3 null is a key like any other.
 */
import type { Columns } from '../core/columns.ts';
import type { Vector } from '../core/vectors.ts';
import { type ColumnPair, cellValue, pairColumns, sideOf } from './column-pair.ts';
import { valueKey } from './row-key.ts';
import type { DiffRules } from './rules.ts';

export const NO_ROW = -1;

/** Keys of the rows of both sides, comparable by number. */
export interface KeyHashes {
  readonly a: Int32Array;
  readonly b: Int32Array;
  /** Whether rows of one hash have one key: rows of A, or of B as their number + `b0`. */
  isSame(x: number, y: number): boolean;
  /** Rows of A; B's are counted from here on in `isSame`. */
  readonly b0: number;
}

/** Multiplication by an odd number and a shifted xor can both be undone, so different keys have different hashes. */
function mix(value: number): number {
  const spread = Math.imul(value, 0x9e3779b1);
  return spread ^ (spread >>> 15);
}

const FNV_PRIME = 0x01000193;
const FNV_START = 0x811c9dc5 | 0;

function hashText(text: string): number {
  let hash = FNV_START;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return mix(hash);
}

/** The integers of a column without nulls, if all of them fit 32 bits. */
function int32Cells(vector: Vector): Int32Array | undefined {
  if (vector.kind === 'number' && !vector.validity) {
    const { data } = vector;
    if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Uint32Array)
      return undefined;
    return data instanceof Int32Array ? data : Int32Array.from(data);
  }
  if (vector.kind !== 'wide' || vector.validity) return undefined;
  const halves = new Int32Array(vector.data.buffer, vector.data.byteOffset, vector.length * 2);
  const cells = new Int32Array(vector.length);
  const isSigned = vector.data instanceof BigInt64Array;
  for (let row = 0; row < cells.length; row += 1) {
    const low = halves[2 * row] ?? 0;
    if ((halves[2 * row + 1] ?? 0) !== low >> 31 || (!isSigned && low < 0)) return undefined;
    cells[row] = low;
  }
  return cells;
}

function integerHashes({ a, b }: ColumnPair): KeyHashes | undefined {
  if (a?.column.type !== b?.column.type && (a?.column.type === 'timestamp' || b?.column.type === 'timestamp'))
    return undefined;
  if (a?.column.unit !== b?.column.unit) return undefined;
  const [left, right] = [a && int32Cells(a.vector), b && int32Cells(b.vector)];
  if (!left || !right) return undefined;
  return { a: left.map(mix), b: right.map(mix), b0: left.length, isSame: () => true };
}

function hashBytes(vector: Vector & { kind: 'text' }): Int32Array {
  const { offsets, data } = vector;
  const hashes = new Int32Array(vector.length);
  for (let row = 0; row < hashes.length; row += 1) {
    let hash = FNV_START;
    for (let at = offsets[row] ?? 0; at < (offsets[row + 1] ?? 0); at += 1)
      hash = Math.imul(hash ^ (data[at] ?? 0), FNV_PRIME);
    hashes[row] = mix(hash);
  }
  return hashes;
}

/** One text column without nulls on both sides: hashed and compared as bytes. */
function textHashes(pair: ColumnPair): KeyHashes | undefined {
  const [x, y] = [pair.a?.vector, pair.b?.vector];
  if (x?.kind !== 'text' || y?.kind !== 'text' || x.validity || y.validity) return undefined;
  if (pair.a?.column.type !== 'text' || pair.b?.column.type !== 'text' || pair.rule.isNfc) return undefined;
  const b0 = x.length;
  const sliceOf = (row: number): Uint8Array => {
    const [vector, at] = row < b0 ? [x, row] : [y, row - b0];
    return vector.data.subarray(vector.offsets[at], vector.offsets[at + 1]);
  };
  return {
    a: hashBytes(x),
    b: hashBytes(y),
    b0,
    isSame: (p, q) => Buffer.compare(sliceOf(p), sliceOf(q)) === 0,
  };
}

/** Any columns: each row's key as one text. */
function generalHashes(pairs: readonly ColumnPair[], rowsA: number, rowsB: number): KeyHashes {
  const texts = (side: 'a' | 'b', rows: number): string[] =>
    Array.from({ length: rows }, (_, row) =>
      pairs
        .map((pair) => {
          const isTime = pair.a?.column.type === 'timestamp' || pair.b?.column.type === 'timestamp';
          const key = valueKey(cellValue(pair[side], row), pair.rule, isTime);
          const text = String(key);
          return `${key === null ? 'n' : typeof key}:${text.length}:${text}`;
        })
        .join('|'),
    );
  const [a, b] = [texts('a', rowsA), texts('b', rowsB)];
  const textOf = (row: number): string | undefined => (row < rowsA ? a[row] : b[row - rowsA]);
  return {
    a: Int32Array.from(a, hashText),
    b: Int32Array.from(b, hashText),
    b0: rowsA,
    isSame: (x, y) => textOf(x) === textOf(y),
  };
}

/** The keys of two sides, by the fastest way that is exact for their columns. */
export function hashKeys(a: Columns, b: Columns, fields: readonly string[], rules: DiffRules): KeyHashes {
  const pairs = fields.map((name) => pairColumns(name, rules.of(name), sideOf(a, name), sideOf(b, name)));
  const [only] = pairs;
  const fast = only && pairs.length === 1 ? (integerHashes(only) ?? textHashes(only)) : undefined;
  return fast ?? generalHashes(pairs, a.rows.length, b.rows.length);
}

/** A table of the rows of one side by key. */
export class RowTable {
  /** Pairs of hash and row + 1, next to each other for the sake of the cache. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  readonly #isSame: (x: number, y: number) => boolean;

  /** @param isSame whether two rows of one hash have one key, by the numbers that `add` and `find` are given */
  constructor(rows: number, isSame: (x: number, y: number) => boolean) {
    const bits = Math.max(4, 32 - Math.clz32(Math.max(1, rows * 2 - 1)));
    this.#slots = new Int32Array(2 ** (bits + 1));
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
    this.#isSame = isSame;
  }

  /** Adds a row. @returns an earlier row of the same key, which stays the one that is found, or NO_ROW */
  add(hash: number, row: number): number {
    const slots = this.#slots;
    let slot = hash >>> this.#shift;
    for (;;) {
      const found = slots[2 * slot + 1] ?? 0;
      if (found === 0) break;
      if (slots[2 * slot] === hash && this.#isSame(found - 1, row)) return found - 1;
      slot = (slot + 1) & this.#mask;
    }
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = row + 1;
    return NO_ROW;
  }

  /** The first row that was added with this key, or NO_ROW. */
  find(hash: number, row: number): number {
    const slots = this.#slots;
    let slot = hash >>> this.#shift;
    for (;;) {
      const found = slots[2 * slot + 1] ?? 0;
      if (found === 0) return NO_ROW;
      if (slots[2 * slot] === hash && this.#isSame(found - 1, row)) return found - 1;
      slot = (slot + 1) & this.#mask;
    }
  }
}
