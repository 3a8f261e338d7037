/**
 * Tells which cells of two vectors hold other bits, in loops over typed arrays that stay in one machine type each.
 *
 * Q1 equal bits and equal validity are the same value. Other bits need not be another value: the caller looks. Q2 loops are
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

/** 1, 2 or 4 bytes per cell; 8 bytes are two halves of 4. */
type Bits = Uint8Array | Uint16Array | Int32Array;

function nextOf8(x: Uint8Array, y: Uint8Array, partner: Partner, from: number, to: number): number {
  let row = from;
  if (!partner) {
    while (row < to && x[row] === y[row]) row += 1;
    return row;
  }
  for (; row < to; row += 1) {
    const other = partner[row] as number;
    if (other >= 0 && x[row] !== y[other]) break;
  }
  return row;
}

function nextOf16(x: Uint16Array, y: Uint16Array, partner: Partner, from: number, to: number): number {
  for (let row = from; row < to; row += 1) {
    const other = partner ? (partner[row] as number) : row;
    if (other >= 0 && x[row] !== y[other]) return row;
  }
  return to;
}

function nextOf32(x: Int32Array, y: Int32Array, partner: Partner, from: number, to: number): number {
  let row = from;
  if (!partner) {
    while (row < to && x[row] === y[row]) row += 1;
    return row;
  }
  for (; row < to; row += 1) {
    const other = partner[row] as number;
    if (other >= 0 && x[row] !== y[other]) break;
  }
  return row;
}

function nextOf64(x: Int32Array, y: Int32Array, partner: Partner, from: number, to: number): number {
  let row = from;
  if (!partner) {
    while (row < to && x[2 * row] === y[2 * row] && x[2 * row + 1] === y[2 * row + 1]) row += 1;
    return row;
  }
  for (; row < to; row += 1) {
    const other = partner[row] as number;
    if (other >= 0 && (x[2 * row] !== y[2 * other] || x[2 * row + 1] !== y[2 * other + 1])) break;
  }
  return row;
}

/** Longer texts are worth a call out of JavaScript. */
const LONG_BYTES = 48;

function areBytesSame(x: Uint8Array, y: Uint8Array): boolean {
  return x.length === y.length && Buffer.compare(x, y) === 0;
}

function isTextSame(
  xo: Int32Array,
  xd: Uint8Array,
  i: number,
  yo: Int32Array,
  yd: Uint8Array,
  j: number,
): boolean {
  const start = xo[i] as number;
  const other = yo[j] as number;
  const length = (xo[i + 1] as number) - start;
  if (length !== (yo[j + 1] as number) - other) return false;
  if (length > LONG_BYTES)
    return areBytesSame(xd.subarray(start, start + length), yd.subarray(other, other + length));
  for (let at = 0; at < length; at += 1) if (xd[start + at] !== yd[other + at]) return false;
  return true;
}

function nextOfText(x: TextVector, y: TextVector, partner: Partner, from: number, to: number): number {
  const [xo, xd, yo, yd] = [x.offsets, x.data, y.offsets, y.data];
  for (let row = from; row < to; row += 1) {
    const other = partner ? (partner[row] as number) : row;
    if (other >= 0 && !isTextSame(xo, xd, row, yo, yd, other)) return row;
  }
  return to;
}

function isTextRunSame(x: TextVector, y: TextVector, from: number, to: number): boolean {
  const [xo, yo] = [x.offsets, y.offsets];
  const [xs, ys] = [xo[from] ?? 0, yo[from] ?? 0];
  const [xe, ye] = [xo[to] ?? 0, yo[to] ?? 0];
  if (xe - xs !== ye - ys) return false;
  if (!areBytesSame(x.data.subarray(xs, xe), y.data.subarray(ys, ye))) return false;
  // After a text that changed its length on one side, everything behind it stands at another place.
  const shift = ys - xs;
  for (let at = from + 1; at < to; at += 1) if ((yo[at] as number) - (xo[at] as number) !== shift) return false;
  return true;
}

function bytesOf(data: ArrayBufferView, from: number, to: number, width: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + from * width, (to - from) * width);
}

function bitCells(x: Bits, y: Bits, halves: number): RawCells {
  const width = x.BYTES_PER_ELEMENT * halves;
  const isSameRun = (from: number, to: number): boolean =>
    areBytesSame(bytesOf(x, from, to, width), bytesOf(y, from, to, width));
  if (x instanceof Int32Array && y instanceof Int32Array) {
    const next = halves === 2 ? nextOf64 : nextOf32;
    return { isSameRun, nextDifferent: (partner, from, to) => next(x, y, partner, from, to) };
  }
  if (x instanceof Uint16Array && y instanceof Uint16Array)
    return { isSameRun, nextDifferent: (partner, from, to) => nextOf16(x, y, partner, from, to) };
  const [left, right] = [bytesOf(x, 0, x.length, 1), bytesOf(y, 0, y.length, 1)];
  return { isSameRun, nextDifferent: (partner, from, to) => nextOf8(left, right, partner, from, to) };
}

type FixedArray = ArrayBufferView & { readonly length: number; readonly BYTES_PER_ELEMENT: number };

/** The bits of cells of fixed width. */
function bitsOf(data: FixedArray): Bits {
  const { buffer, byteOffset, length, BYTES_PER_ELEMENT: width } = data;
  if (width === 1) return new Uint8Array(buffer, byteOffset, length);
  if (width === 2) return new Uint16Array(buffer, byteOffset, length);
  return new Int32Array(buffer, byteOffset, width === 8 ? length * 2 : length);
}

function fixedCells(x: FixedArray, y: FixedArray): RawCells | undefined {
  // The same bits are another number in another type.
  if (x.constructor !== y.constructor) return undefined;
  return bitCells(bitsOf(x), bitsOf(y), x.BYTES_PER_ELEMENT === 8 ? 2 : 1);
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
    return {
      nextDifferent: (partner, from, to) => nextOfText(a, b, partner, from, to),
      isSameRun: (from, to) => isTextRunSame(a, b, from, to),
    };
  }
  if (a.kind === 'word' && b.kind === 'word') return bitCells(a.data, translated(a, b), 1);
  if (a.kind === 'cell' || b.kind === 'cell' || a.kind === 'text' || b.kind === 'text') return undefined;
  return a.kind === b.kind ? fixedCells(a.data, b.data) : undefined;
}

function withValidity(cells: RawCells, x: Uint8Array, y: Uint8Array): RawCells {
  const validity = bitCells(x, y, 1);
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
