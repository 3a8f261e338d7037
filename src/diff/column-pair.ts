/**
 * Compares the cells of one column on two sides: whole runs of rows by their bytes, single cells by their arrays, and only
 * what differs there by value and rule.
 *
 * L1 equal bytes of one type are the same value; different bytes need not be different values (NaN, garbage under nulls,
 * spellings, tolerances), so they are decided by `isSameValue` alone. L2 columns of different types or units are compared
 * by value throughout. L3 a column that a side lacks is absent in every row of it.
 */
import type { Column, Columns } from '../core/columns.ts';
import type { NumberArray, TextVector, Validity, Vector } from '../core/vectors.ts';
import { isSameValue } from './compare.ts';
import type { FieldRule } from './rules.ts';
import { typedValue } from './typed-value.ts';

/** A column on one side. */
export interface ColumnSide {
  readonly column: Column;
  readonly vector: Vector;
}

export interface ColumnPair {
  readonly name: string;
  readonly rule: FieldRule;
  readonly a: ColumnSide | undefined;
  readonly b: ColumnSide | undefined;
  /** How cells of this pair are told apart before values are looked at. */
  readonly raw: RawCells | undefined;
}

/** Tells whether cell `i` of A and cell `j` of B are surely the same. */
export interface RawCells {
  isSame(i: number, j: number): boolean;
  /** Whether rows `from` to `to` are surely the same at the same places on both sides, at the price of reading bytes. */
  isSameRun(from: number, to: number): boolean;
}

function bytesOf(data: ArrayBufferView, from: number, to: number, width: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + from * width, (to - from) * width);
}

function areBytesSame(x: Uint8Array, y: Uint8Array): boolean {
  return x.length === y.length && Buffer.compare(x, y) === 0;
}

function isRunSame(x: NumberArray | Int32Array, y: typeof x, from: number, to: number): boolean {
  if (x.constructor !== y.constructor) return false;
  const width = x.BYTES_PER_ELEMENT;
  return areBytesSame(bytesOf(x, from, to, width), bytesOf(y, from, to, width));
}

function isValidityRunSame(x: Validity, y: Validity, from: number, to: number): boolean {
  if (x && y) return areBytesSame(x.subarray(from, to), y.subarray(from, to));
  const one = x ?? y;
  return one === undefined || !one.subarray(from, to).includes(0);
}

/** 0 both null, 1 both there, 2 one of them null. */
function presence(x: Validity, y: Validity, i: number, j: number): number {
  const isThere = x === undefined || x[i] !== 0;
  if (isThere !== (y === undefined || y[j] !== 0)) return 2;
  return isThere ? 1 : 0;
}

function numberCells(x: NumberArray, xv: Validity, y: NumberArray, yv: Validity): RawCells {
  const hasNulls = xv !== undefined || yv !== undefined;
  return {
    isSame(i, j) {
      if (!hasNulls) return x[i] === y[j];
      const there = presence(xv, yv, i, j);
      return there === 0 || (there === 1 && x[i] === y[j]);
    },
    isSameRun: (from, to) => isValidityRunSame(xv, yv, from, to) && isRunSame(x, y, from, to),
  };
}

/** 64-bit cells as two halves, so that no big integer is made. */
function wideCells(x: Int32Array, xv: Validity, y: Int32Array, yv: Validity): RawCells {
  const hasNulls = xv !== undefined || yv !== undefined;
  return {
    isSame(i, j) {
      const there = hasNulls ? presence(xv, yv, i, j) : 1;
      if (there !== 1) return there === 0;
      return x[2 * i] === y[2 * j] && x[2 * i + 1] === y[2 * j + 1];
    },
    isSameRun: (from, to) => isValidityRunSame(xv, yv, from, to) && isRunSame(x, y, 2 * from, 2 * to),
  };
}

/** Longer texts are worth a call out of JavaScript. */
const LONG_BYTES = 48;

function isTextSame(x: TextVector, y: TextVector, i: number, j: number): boolean {
  const start = x.offsets[i] ?? 0;
  const length = (x.offsets[i + 1] ?? 0) - start;
  const other = y.offsets[j] ?? 0;
  if (length !== (y.offsets[j + 1] ?? 0) - other) return false;
  if (length > LONG_BYTES)
    return areBytesSame(x.data.subarray(start, start + length), y.data.subarray(other, other + length));
  const [left, right] = [x.data, y.data];
  for (let at = 0; at < length; at += 1) if (left[start + at] !== right[other + at]) return false;
  return true;
}

function isTextRunSame(x: TextVector, y: TextVector, from: number, to: number): boolean {
  const [xo, yo] = [x.offsets, y.offsets];
  const [xs, ys] = [xo[from] ?? 0, yo[from] ?? 0];
  const [xe, ye] = [xo[to] ?? 0, yo[to] ?? 0];
  if (xe - xs !== ye - ys) return false;
  if (!areBytesSame(x.data.subarray(xs, xe), y.data.subarray(ys, ye))) return false;
  // After a text that changed its length on one side, everything behind it stands at another place.
  const shift = ys - xs;
  for (let at = from + 1; at < to; at += 1) if ((yo[at] ?? 0) - (xo[at] ?? 0) !== shift) return false;
  return true;
}

function textCells(x: TextVector, y: TextVector): RawCells {
  const [xv, yv] = [x.validity, y.validity];
  const hasNulls = xv !== undefined || yv !== undefined;
  return {
    isSame(i, j) {
      const there = hasNulls ? presence(xv, yv, i, j) : 1;
      return there === 1 ? isTextSame(x, y, i, j) : there === 0;
    },
    isSameRun: (from, to) => isValidityRunSame(xv, yv, from, to) && isTextRunSame(x, y, from, to),
  };
}

/** By place in the words of B, the place of the same word in those of A; -1 for a word that A does not have. */
function translate(from: readonly string[], to: readonly string[]): Int32Array {
  const places = new Map(to.map((word, place) => [word, place]));
  return Int32Array.from(from, (word) => places.get(word) ?? -1);
}

function wordData(a: Vector & { kind: 'word' }, b: Vector & { kind: 'word' }): Int32Array {
  const isSameWords =
    a.words === b.words ||
    (a.words.length === b.words.length && a.words.every((word, place) => word === b.words[place]));
  if (isSameWords) return b.data;
  const places = translate(b.words, a.words);
  return Int32Array.from(b.data, (word) => places[word] ?? -1);
}

function int32View(data: BigInt64Array | BigUint64Array): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, data.length * 2);
}

function rawCells(a: Vector, b: Vector): RawCells | undefined {
  if (a.kind === 'number' && b.kind === 'number') return numberCells(a.data, a.validity, b.data, b.validity);
  if (a.kind === 'bool' && b.kind === 'bool') return numberCells(a.data, a.validity, b.data, b.validity);
  if (a.kind === 'day' && b.kind === 'day') return numberCells(a.data, a.validity, b.data, b.validity);
  if (a.kind === 'wide' && b.kind === 'wide') {
    // The same bits are another number where only one side has a sign.
    if (a.data.constructor !== b.data.constructor) return undefined;
    return wideCells(int32View(a.data), a.validity, int32View(b.data), b.validity);
  }
  if (a.kind === 'text' && b.kind === 'text') return textCells(a, b);
  if (a.kind === 'word' && b.kind === 'word')
    return numberCells(a.data, a.validity, wordData(a, b), b.validity);
  if (a.kind !== 'cell' || b.kind !== 'cell') return undefined;
  return { isSame: (i, j) => a.cells[i] === b.cells[j], isSameRun: () => false };
}

/** The pair of one name; at least one side has it. */
export function pairColumns(
  name: string,
  rule: FieldRule,
  a: ColumnSide | undefined,
  b: ColumnSide | undefined,
): ColumnPair {
  const isComparable = a && b && a.column.type === b.column.type && a.column.unit === b.column.unit;
  return { name, rule, a, b, raw: isComparable ? rawCells(a.vector, b.vector) : undefined };
}

/** The column of a name; undefined where there is none. */
export function sideOf(columns: Columns, name: string): ColumnSide | undefined {
  const index = columns.columns.findIndex((column) => column.name === name);
  const [column, vector] = [columns.columns[index], columns.vectors[index]];
  return column && vector ? { column, vector } : undefined;
}

/** A cell as a value; absent where the side has no such column. */
export function cellValue(side: ColumnSide | undefined, row: number): unknown {
  return side && typedValue(side.vector.at(row), side.column);
}

/** Whether cell `i` of A and cell `j` of B are the same by value and rule. */
export function isPairSame(pair: ColumnPair, i: number, j: number): boolean {
  if (pair.raw?.isSame(i, j)) return true;
  return isSameValue(cellValue(pair.a, i), cellValue(pair.b, j), pair.rule);
}

/**
 * Sets the flag of every row of A in `from` to `to` whose cell differs from that of its partner.
 * @param partner row of B by row of A, negative for none; undefined = the same row
 * @returns how many cells were compared by value, which takes its time
 */
export function flagDifferent(
  pair: ColumnPair,
  partner: Int32Array | undefined,
  flags: Uint8Array,
  from: number,
  to: number,
): number {
  const { raw } = pair;
  if (pair.rule.isIgnored || (!partner && raw?.isSameRun(from, to))) return 0;
  let slow = 0;
  for (let row = from; row < to; row += 1) {
    const other = partner ? (partner[row] ?? -1) : row;
    if (other < 0 || flags[row] !== 0 || raw?.isSame(row, other)) continue;
    slow += 1;
    if (!isSameValue(cellValue(pair.a, row), cellValue(pair.b, other), pair.rule)) flags[row] = 1;
  }
  return slow;
}
