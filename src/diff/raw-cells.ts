/**
 * Tells which cells of two vectors hold other bits, in loops over typed arrays that stay in one machine type each.
 *
 * Q1 equal bits and equal validity are the same value. Other bits need not be another value: the caller looks, but for cells
 * that are surely other values. Q2 loops are
 * functions of arrays and numbers alone: a cursor in a closure would cost twice as much.
 */
import type { TextVector, Validity, Vector } from '../core/vectors.ts';

/** Row of B by row of A, negative for none; undefined = the same row. */
export type Partner = Int32Array | undefined;

export interface RawCells {
  /** The first row of A in `from` to `to` whose cell is perhaps not the same as its partner's; `to` when there is none. */
  nextDifferent(partner: Partner, from: number, to: number): number;
  /** Whether rows `from` to `to` hold the same bits at the same places. */
  isSameRun(from: number, to: number): boolean;
}

const NONE = -1;

/** Whole cells of 1, 2 or 4 bytes; 8 bytes are two halves of 4. */
type Bits = Uint8Array | Uint16Array | Int32Array;

function nextOfSmall(x: Bits, y: Bits, partner: Partner, from: number, to: number): number {
  for (let row = from; row < to; row += 1) {
    const other = partner ? (partner[row] as number) : row;
    if (other >= 0 && x[row] !== y[other]) return row;
  }
  return to;
}

// Partners are anywhere in memory: four under one condition, which nearly always holds, are fetched at the same time. For each
// type of array a function of its own: one for two types takes three times as long.

function nextOfWords(x: Int32Array, y: Int32Array, partner: Partner, from: number, to: number): number {
  let row = from;
  if (!partner) {
    while (row < to && x[row] === y[row]) row += 1;
    return row;
  }
  for (; row < to; row += 1) {
    while (row + 4 <= to) {
      const i = partner[row] as number;
      const j = partner[row + 1] as number;
      const k = partner[row + 2] as number;
      const l = partner[row + 3] as number;
      if ((i | j | k | l) < 0) break;
      if (x[row] !== y[i] || x[row + 1] !== y[j] || x[row + 2] !== y[k] || x[row + 3] !== y[l]) break;
      row += 4;
    }
    const other = row < to ? (partner[row] as number) : NONE;
    if (other >= 0 && x[row] !== y[other]) break;
  }
  return Math.min(row, to);
}

function areNaN(x: number | undefined, y: number | undefined): boolean {
  return Number.isNaN(x) && Number.isNaN(y);
}

/** By value: NaN is the same as NaN, and 0 as -0. */
function nextOfDoubles(x: Float64Array, y: Float64Array, partner: Partner, from: number, to: number): number {
  let row = from;
  if (!partner) {
    for (; row < to; row += 1) {
      while (
        row + 4 <= to &&
        x[row] === y[row] &&
        x[row + 1] === y[row + 1] &&
        x[row + 2] === y[row + 2] &&
        x[row + 3] === y[row + 3]
      )
        row += 4;
      if (row < to && x[row] !== y[row] && !areNaN(x[row], y[row])) break;
    }
    return Math.min(row, to);
  }
  for (; row < to; row += 1) {
    while (row + 4 <= to) {
      const i = partner[row] as number;
      const j = partner[row + 1] as number;
      const k = partner[row + 2] as number;
      const l = partner[row + 3] as number;
      if ((i | j | k | l) < 0) break;
      if (x[row] !== y[i] || x[row + 1] !== y[j] || x[row + 2] !== y[k] || x[row + 3] !== y[l]) break;
      row += 4;
    }
    const other = row < to ? (partner[row] as number) : NONE;
    if (other >= 0 && x[row] !== y[other] && !areNaN(x[row], y[other])) break;
  }
  return Math.min(row, to);
}

/** Whether a row is the same as its partner in both halves. */
function isHalvesSame(x: Int32Array, y: Int32Array, row: number, other: number): boolean {
  return x[2 * row] === y[2 * other] && x[2 * row + 1] === y[2 * other + 1];
}

function nextOfHalves(x: Int32Array, y: Int32Array, partner: Partner, from: number, to: number): number {
  let row = from;
  if (!partner) {
    while (row < to && isHalvesSame(x, y, row, row)) row += 1;
    return row;
  }
  for (; row < to; row += 1) {
    while (row + 2 <= to) {
      const [i, j] = [partner[row] as number, partner[row + 1] as number];
      if ((i | j) < 0 || !(isHalvesSame(x, y, row, i) && isHalvesSame(x, y, row + 1, j))) break;
      row += 2;
    }
    const other = row < to ? (partner[row] as number) : NONE;
    if (other >= 0 && !isHalvesSame(x, y, row, other)) break;
  }
  return Math.min(row, to);
}

/** Longer texts are worth a call out of JavaScript. */
const LONG_BYTES = 48;

function areBytesSame(x: Uint8Array, y: Uint8Array): boolean {
  return x.length === y.length && Buffer.compare(x, y) === 0;
}

/** 4 bytes at a time, without a branch for most lengths; the words at the end may overlap with those before. */
function isShortSame(x: DataView, i: number, y: DataView, j: number, length: number): boolean {
  if (length < 4) {
    for (let at = 0; at < length; at += 1) if (x.getUint8(i + at) !== y.getUint8(j + at)) return false;
    return true;
  }
  const last = length - 4;
  const next = Math.min(4, last);
  const late = Math.max(0, last - 4);
  const differs =
    (x.getInt32(i, true) ^ y.getInt32(j, true)) |
    (x.getInt32(i + next, true) ^ y.getInt32(j + next, true)) |
    (x.getInt32(i + late, true) ^ y.getInt32(j + late, true)) |
    (x.getInt32(i + last, true) ^ y.getInt32(j + last, true));
  if (differs !== 0) return false;
  for (let at = 8; at < late; at += 4) if (x.getInt32(i + at, true) !== y.getInt32(j + at, true)) return false;
  return true;
}

/** The texts of a vector. */
interface Texts {
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
  readonly view: DataView;
}

function textsOf({ offsets, data }: TextVector): Texts {
  return { offsets, data, view: new DataView(data.buffer, data.byteOffset, data.byteLength) };
}

function nextOfText(x: Texts, y: Texts, partner: Partner, from: number, to: number): number {
  const xo = x.offsets;
  const yo = y.offsets;
  for (let row = from; row < to; row += 1) {
    const other = partner ? (partner[row] as number) : row;
    if (other < 0) continue;
    const i = xo[row] as number;
    const j = yo[other] as number;
    const length = (xo[row + 1] as number) - i;
    if (length !== (yo[other + 1] as number) - j) return row;
    const isSame =
      length > LONG_BYTES
        ? areBytesSame(x.data.subarray(i, i + length), y.data.subarray(j, j + length))
        : isShortSame(x.view, i, y.view, j, length);
    if (!isSame) return row;
  }
  return to;
}

function isTextRunSame(x: Texts, y: Texts, from: number, to: number): boolean {
  const [xo, yo] = [x.offsets, y.offsets];
  const [xs, ys] = [xo[from] ?? 0, yo[from] ?? 0];
  const [xe, ye] = [xo[to] ?? 0, yo[to] ?? 0];
  if (xe - xs !== ye - ys) return false;
  if (!areBytesSame(x.data.subarray(xs, xe), y.data.subarray(ys, ye))) return false;
  // After a text that changed its length on one side, everything behind it stands at another place.
  const shift = ys - xs;
  if (shift === 0) return areBytesSame(bytesOf(xo, from, to, 4), bytesOf(yo, from, to, 4));
  for (let at = from + 1; at < to; at += 1) if ((yo[at] as number) - (xo[at] as number) !== shift) return false;
  return true;
}

function bytesOf(data: ArrayBufferView, from: number, to: number, width: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + from * width, (to - from) * width);
}

function bitCells(x: Bits, y: Bits): RawCells {
  const width = x.BYTES_PER_ELEMENT;
  return {
    isSameRun: (from, to) => areBytesSame(bytesOf(x, from, to, width), bytesOf(y, from, to, width)),
    nextDifferent:
      x instanceof Int32Array && y instanceof Int32Array
        ? (partner, from, to) => nextOfWords(x, y, partner, from, to)
        : (partner, from, to) => nextOfSmall(x, y, partner, from, to),
  };
}

type FixedArray = ArrayBufferView & { readonly length: number; readonly BYTES_PER_ELEMENT: number };

/** The bits of cells of fixed width, 8 bytes as two halves. */
function bitsOf(data: FixedArray): Bits {
  const { buffer, byteOffset, length, BYTES_PER_ELEMENT: width } = data;
  if (width === 1) return new Uint8Array(buffer, byteOffset, length);
  if (width === 2) return new Uint16Array(buffer, byteOffset, length);
  return new Int32Array(buffer, byteOffset, width === 8 ? length * 2 : length);
}

function fixedCells(x: FixedArray, y: FixedArray): RawCells | undefined {
  // The same bits are another number in another type.
  if (x.constructor !== y.constructor) return undefined;
  if (x.BYTES_PER_ELEMENT < 8) return bitCells(bitsOf(x), bitsOf(y));
  const isSameRun = (from: number, to: number): boolean =>
    areBytesSame(bytesOf(x, from, to, 8), bytesOf(y, from, to, 8));
  if (x instanceof Float64Array && y instanceof Float64Array)
    return { isSameRun, nextDifferent: (partner, from, to) => nextOfDoubles(x, y, partner, from, to) };
  const [left, right] = [bitsOf(x), bitsOf(y)];
  if (!(left instanceof Int32Array && right instanceof Int32Array)) return undefined;
  return { isSameRun, nextDifferent: (partner, from, to) => nextOfHalves(left, right, partner, from, to) };
}

/** Words of B as places in the words of A; -1 for a word that A does not have. */
function translated(a: Vector & { kind: 'word' }, b: Vector & { kind: 'word' }): Int32Array {
  const isSameWords =
    a.words === b.words ||
    (a.words.length === b.words.length && a.words.every((word, place) => word === b.words[place]));
  if (isSameWords) return b.data;
  const places = new Map(a.words.map((word, place) => [word, place]));
  const places32 = Int32Array.from(b.words, (word) => places.get(word) ?? -1);
  return b.data.map((word) => places32[word] ?? -1);
}

function dataCells(a: Vector, b: Vector): RawCells | undefined {
  if (a.kind === 'text' && b.kind === 'text') {
    const [x, y] = [textsOf(a), textsOf(b)];
    return {
      nextDifferent: (partner, from, to) => nextOfText(x, y, partner, from, to),
      isSameRun: (from, to) => isTextRunSame(x, y, from, to),
    };
  }
  if (a.kind === 'word' && b.kind === 'word') return bitCells(a.data, translated(a, b));
  if (a.kind === 'cell' || b.kind === 'cell' || a.kind === 'text' || b.kind === 'text') return undefined;
  return a.kind === b.kind ? fixedCells(a.data, b.data) : undefined;
}

function withValidity(cells: RawCells, x: Uint8Array, y: Uint8Array): RawCells {
  const validity = bitCells(x, y);
  return {
    nextDifferent(partner, from, to) {
      const next = cells.nextDifferent(partner, from, to);
      return validity.nextDifferent(partner, from, next);
    },
    isSameRun: (from, to) => validity.isSameRun(from, to) && cells.isSameRun(from, to),
  };
}

function validityOf(validity: Validity, length: number): Uint8Array {
  return validity ?? new Uint8Array(length).fill(1);
}

/** How to compare two vectors of one column type by their bits; undefined when that is not possible. */
export function rawCells(a: Vector, b: Vector): RawCells | undefined {
  const cells = dataCells(a, b);
  if (!cells || a.kind === 'cell' || b.kind === 'cell') return undefined;
  if (!a.validity && !b.validity) return cells;
  return withValidity(cells, validityOf(a.validity, a.length), validityOf(b.validity, b.length));
}
