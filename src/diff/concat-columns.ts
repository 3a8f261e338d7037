/** Several parts of one table as one, so that they can be compared as a whole. */
import type { Column, Columns } from '../core/columns.ts';
import {
  boolVector,
  cellsOf,
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

type WithValidity = { readonly length: number; readonly validity: Validity };

function rowsIn(vectors: readonly { readonly length: number }[]): number {
  return vectors.reduce((sum, { length }) => sum + length, 0);
}

function joinValidity(vectors: readonly WithValidity[]): Uint8Array | undefined {
  if (vectors.every(({ validity }) => validity === undefined)) return undefined;
  const whole = new Uint8Array(rowsIn(vectors)).fill(1);
  let at = 0;
  for (const { validity, length } of vectors) {
    if (validity) whole.set(validity, at);
    at += length;
  }
  return whole;
}

/** Copies arrays of one class into a larger one of that class. */
function joinArrays<A extends { set(from: A, at: number): void; readonly length: number }>(
  arrays: readonly A[],
  into: A,
): A {
  let at = 0;
  for (const array of arrays) {
    into.set(array, at);
    at += array.length;
  }
  return into;
}

function joinNumbers(arrays: readonly NumberArray[], rows: number): NumberArray | undefined {
  const [first] = arrays;
  if (!first || arrays.some((array) => array.constructor !== first.constructor)) return undefined;
  const Class = first.constructor as new (length: number) => NumberArray;
  return joinArrays(arrays, new Class(rows));
}

function joinWides(vectors: readonly (Vector & { kind: 'wide' })[]): Vector | undefined {
  const rows = rowsIn(vectors);
  const signed = vectors.flatMap(({ data }) => (data instanceof BigInt64Array ? [data] : []));
  const unsigned = vectors.flatMap(({ data }) => (data instanceof BigUint64Array ? [data] : []));
  if (signed.length === vectors.length)
    return wideVector(joinArrays(signed, new BigInt64Array(rows)), joinValidity(vectors));
  if (unsigned.length < vectors.length) return undefined;
  return wideVector(joinArrays(unsigned, new BigUint64Array(rows)), joinValidity(vectors));
}

/** Undefined when the bytes together are more than offsets can count. */
function joinTexts(vectors: readonly (Vector & { kind: 'text' })[]): Vector | undefined {
  const parts = vectors.map(({ offsets, data, length }) => data.subarray(offsets[0], offsets[length]));
  const bytes = rowsIn(parts);
  if (bytes > 2 ** 31 - 1) return undefined;
  const offsets = new Int32Array(rowsIn(vectors) + 1);
  let [row, base] = [0, 0];
  for (const { offsets: own, length } of vectors) {
    const shift = base - (own[0] ?? 0);
    for (let at = 1; at <= length; at += 1) offsets[row + at] = (own[at] ?? 0) + shift;
    row += length;
    base = offsets[row] ?? 0;
  }
  return textVector(offsets, joinArrays(parts, new Uint8Array(bytes)), joinValidity(vectors));
}

function joinWords(vectors: readonly (Vector & { kind: 'word' })[]): Vector {
  const places = new Map<string, number>();
  const data = new Int32Array(rowsIn(vectors));
  let at = 0;
  for (const { words, data: own } of vectors) {
    const place = Int32Array.from(words, (word) => {
      const known = places.get(word) ?? places.size;
      places.set(word, known);
      return known;
    });
    for (const word of own) {
      data[at] = place[word] ?? 0;
      at += 1;
    }
  }
  return wordVector(data, [...places.keys()], joinValidity(vectors));
}

function ofKind<K extends Vector['kind']>(
  vectors: readonly Vector[],
  kind: K,
): readonly (Vector & { kind: K })[] {
  return vectors.filter((vector): vector is Vector & { kind: K } => vector.kind === kind);
}

function joinSameKind(vectors: readonly Vector[]): Vector | undefined {
  const numbers = ofKind(vectors, 'number');
  const rows = rowsIn(vectors);
  switch (vectors[0]?.kind) {
    case 'number': {
      const data = joinNumbers(
        numbers.map((vector) => vector.data),
        rows,
      );
      return data && numberVector(data, joinValidity(numbers));
    }
    case 'wide':
      return joinWides(ofKind(vectors, 'wide'));
    case 'text':
      return joinTexts(ofKind(vectors, 'text'));
    case 'word':
      return joinWords(ofKind(vectors, 'word'));
    case 'bool': {
      const bools = ofKind(vectors, 'bool');
      return boolVector(
        joinArrays(
          bools.map(({ data }) => data),
          new Uint8Array(rows),
        ),
        joinValidity(bools),
      );
    }
    case 'day': {
      const days = ofKind(vectors, 'day');
      return dayVector(
        joinArrays(
          days.map(({ data }) => data),
          new Int32Array(rows),
        ),
        joinValidity(days),
      );
    }
    default:
      return undefined;
  }
}

function joinVectors(vectors: readonly Vector[]): Vector {
  const isOneKind = vectors.every(({ kind }) => kind === vectors[0]?.kind);
  const joined = isOneKind ? joinSameKind(vectors) : undefined;
  return joined ?? cellVector(vectors.flatMap(cellsOf));
}

/** The rows of all parts, in order. All parts have the columns of the first one, which is given back when it is alone. */
export function concatColumns(columns: readonly Column[], parts: readonly Columns[]): Columns {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const rows = parts.reduce((sum, part) => sum + part.rows.length, 0);
  return {
    columns,
    rows: Array.from({ length: rows }, (_, row) => row),
    vectors: columns.map((_, index) =>
      joinVectors(parts.map((part) => part.vectors[index]).filter((vector) => vector !== undefined)),
    ),
  };
}
