/**
 * Several parts of one table as one, so that they can be compared as a whole.
 *
 * C1 others are let in after each part of each column, so what is done in one go is no larger than a part.
 */
import type { Cell, Column, Columns } from '../core/columns.ts';
import {
  boolVector,
  cellVector,
  dayVector,
  type NumberArray,
  numberVector,
  textVector,
  type Validity,
  type Vector,
  wideVector,
  wordVector,
} from '../core/vectors.ts';
import type { Pace } from './pace.ts';

type VectorOf<K extends Vector['kind']> = Vector & { kind: K };
type Fixed = { readonly length: number; readonly validity: Validity };

/** To copy a cell of fixed width, to move the end of a text, and to make a cell by itself. */
const COPY_NS = 1;
const MOVE_NS = 3;
const CELL_NS = 60;

function rowsIn(vectors: readonly { readonly length: number }[]): number {
  return vectors.reduce((sum, { length }) => sum + length, 0);
}

/** Calls `step` for each part with the row that it starts at. */
async function eachPart<P extends { readonly length: number }>(
  parts: readonly P[],
  rowNs: number,
  pace: Pace,
  step: (part: P, at: number) => void,
): Promise<void> {
  let at = 0;
  for (const part of parts) {
    step(part, at);
    at += part.length;
    const turn = pace.spend(part.length * rowNs);
    if (turn) await turn;
  }
}

/** Copies arrays of one class into a larger one of that class. */
async function joinArrays<A extends { set(from: A, at: number): void; readonly length: number }>(
  arrays: readonly A[],
  into: A,
  pace: Pace,
): Promise<A> {
  await eachPart(arrays, COPY_NS, pace, (array, at) => into.set(array, at));
  return into;
}

async function joinValidity(vectors: readonly Fixed[], pace: Pace): Promise<Uint8Array | undefined> {
  if (vectors.every(({ validity }) => validity === undefined)) return undefined;
  const whole = new Uint8Array(rowsIn(vectors)).fill(1);
  await eachPart(vectors, COPY_NS, pace, ({ validity }, at) => {
    if (validity) whole.set(validity, at);
  });
  return whole;
}

/** Undefined when the parts are numbers of different types. */
async function joinNumbers(vectors: readonly VectorOf<'number'>[], pace: Pace): Promise<Vector | undefined> {
  const arrays = vectors.map(({ data }) => data);
  const [first] = arrays;
  if (!first || arrays.some((array) => array.constructor !== first.constructor)) return undefined;
  const Class = first.constructor as new (length: number) => NumberArray;
  const data = await joinArrays(arrays, new Class(rowsIn(arrays)), pace);
  return numberVector(data, await joinValidity(vectors, pace));
}

async function joinWides(vectors: readonly VectorOf<'wide'>[], pace: Pace): Promise<Vector | undefined> {
  const rows = rowsIn(vectors);
  const signed = vectors.flatMap(({ data }) => (data instanceof BigInt64Array ? [data] : []));
  const unsigned = vectors.flatMap(({ data }) => (data instanceof BigUint64Array ? [data] : []));
  if (signed.length < vectors.length && unsigned.length < vectors.length) return undefined;
  const data =
    signed.length === vectors.length
      ? await joinArrays(signed, new BigInt64Array(rows), pace)
      : await joinArrays(unsigned, new BigUint64Array(rows), pace);
  return wideVector(data, await joinValidity(vectors, pace));
}

/** Undefined when the bytes together are more than offsets can count. */
async function joinTexts(vectors: readonly VectorOf<'text'>[], pace: Pace): Promise<Vector | undefined> {
  const parts = vectors.map(({ offsets, data, length }) => data.subarray(offsets[0], offsets[length]));
  const bytes = rowsIn(parts);
  if (bytes > 2 ** 31 - 1) return undefined;
  const offsets = new Int32Array(rowsIn(vectors) + 1);
  await eachPart(vectors, MOVE_NS, pace, ({ offsets: own, length }, row) => {
    const shift = (offsets[row] ?? 0) - (own[0] ?? 0);
    for (let at = 1; at <= length; at += 1) offsets[row + at] = (own[at] ?? 0) + shift;
  });
  const data = await joinArrays(parts, new Uint8Array(bytes), pace);
  return textVector(offsets, data, await joinValidity(vectors, pace));
}

async function joinWords(vectors: readonly VectorOf<'word'>[], pace: Pace): Promise<Vector> {
  const places = new Map<string, number>();
  const data = new Int32Array(rowsIn(vectors));
  await eachPart(vectors, MOVE_NS, pace, ({ words, data: own, length }, row) => {
    const place = Int32Array.from(words, (word) => {
      const known = places.get(word) ?? places.size;
      places.set(word, known);
      return known;
    });
    for (let at = 0; at < length; at += 1) data[row + at] = place[own[at] ?? 0] ?? 0;
  });
  return wordVector(data, [...places.keys()], await joinValidity(vectors, pace));
}

function ofKind<K extends Vector['kind']>(vectors: readonly Vector[], kind: K): readonly VectorOf<K>[] {
  return vectors.filter((vector): vector is VectorOf<K> => vector.kind === kind);
}

async function joinSameKind(vectors: readonly Vector[], pace: Pace): Promise<Vector | undefined> {
  const rows = rowsIn(vectors);
  switch (vectors[0]?.kind) {
    case 'number':
      return joinNumbers(ofKind(vectors, 'number'), pace);
    case 'wide':
      return joinWides(ofKind(vectors, 'wide'), pace);
    case 'text':
      return joinTexts(ofKind(vectors, 'text'), pace);
    case 'word':
      return joinWords(ofKind(vectors, 'word'), pace);
    case 'bool': {
      const bools = ofKind(vectors, 'bool');
      const bytes = bools.map(({ data }) => data);
      return boolVector(await joinArrays(bytes, new Uint8Array(rows), pace), await joinValidity(bools, pace));
    }
    case 'day': {
      const days = ofKind(vectors, 'day');
      const counts = days.map(({ data }) => data);
      return dayVector(await joinArrays(counts, new Int32Array(rows), pace), await joinValidity(days, pace));
    }
    default:
      return undefined;
  }
}

async function joinCells(vectors: readonly Vector[], pace: Pace): Promise<Vector> {
  const cells = new Array<Cell>(rowsIn(vectors));
  let row = 0;
  for (const vector of vectors) {
    const first = row;
    await pace.inTurns(vector.length, CELL_NS, (from, to) => {
      for (let at = from; at < to; at += 1) cells[first + at] = vector.at(at);
    });
    row += vector.length;
  }
  return cellVector(cells);
}

async function joinVectors(vectors: readonly Vector[], pace: Pace): Promise<Vector> {
  const isOneKind = vectors.every(({ kind }) => kind === vectors[0]?.kind);
  const joined = isOneKind ? await joinSameKind(vectors, pace) : undefined;
  return joined ?? joinCells(vectors, pace);
}

/** The rows of all parts, in order. All parts have the columns of the first one, which is given back when it is alone. */
export async function concatColumns(
  columns: readonly Column[],
  parts: readonly Columns[],
  pace: Pace,
): Promise<Columns> {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  // As long as it will be from the start: an array that grows is copied as a whole.
  const rows = new Array<number>(rowsIn(parts.map((part) => part.rows)));
  await pace.inTurns(rows.length, MOVE_NS, (from, to) => {
    for (let row = from; row < to; row += 1) rows[row] = row;
  });
  const vectors: Vector[] = [];
  for (const index of columns.keys()) {
    const own = parts.map((part) => part.vectors[index]).filter((vector) => vector !== undefined);
    vectors.push(await joinVectors(own, pace));
  }
  return { columns, rows, vectors };
}
