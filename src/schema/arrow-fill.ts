/** Columns of numbers, times, booleans and words: the array of one buffer, handed over where it has the right type. */

import { halfBits, packBits, spellTexts, writeWide } from '../codecs/arrow-buffers.ts';
import { dayOf } from '../core/day.ts';
import { SchemaError } from '../core/errors.ts';
import type { Vector } from '../core/vectors.ts';
import {
  type ArrowVector,
  DataType,
  DateUnit,
  type Field,
  FloatWidth,
  makeData,
  makeVector,
  Utf8,
} from './arrow.ts';
import { cellRefused } from './arrow-cell.ts';
import { parseExact, rescale } from './number-grammar.ts';

export interface Filled {
  readonly data: ArrayBufferView;
  /** Only for a dictionary: what its indices mean. */
  readonly dictionary?: ArrowVector;
}

/** A cell as the element of the array, or undefined when it cannot be one. */
type Convert<T> = (cell: unknown) => T | undefined;

interface Writable<T> {
  readonly length: number;
  [index: number]: T;
}

const DAY_MS = 86_400_000n;

/** @throws SchemaError ARROW_CELL, or ARROW_TYPE when no column can fill the type of the field */
export function fillArray(field: Field, vector: Vector): Filled {
  const type: DataType = field.type;
  if (DataType.isInt(type)) return { data: integers(field, vector, type.bitWidth, type.isSigned) };
  if (DataType.isFloat(type)) return { data: floats(field, vector, type.precision) };
  if (DataType.isBool(type)) return { data: bools(field, vector) };
  if (DataType.isDate(type)) return { data: dates(field, vector, type.unit) };
  if (DataType.isTimestamp(type)) return { data: integers(field, vector, 64, true) };
  if (DataType.isDecimal(type)) return { data: decimals(field, vector, type) };
  if (DataType.isDictionary(type) && DataType.isUtf8(type.dictionary)) return dictionary(field, vector);
  throw new SchemaError('ARROW_TYPE', `field ${JSON.stringify(field.name)}: type ${type} cannot be filled`, {
    hint: 'Use a scalar type, or Utf8 with metadata json=true for nested values.',
  });
}

function fill<T, A extends Writable<T>>(field: Field, vector: Vector, array: A, convert: Convert<T>): A {
  for (let index = 0; index < vector.length; index += 1) {
    const cell = vector.at(index);
    if (cell === null) continue;
    const element = convert(cell);
    if (element === undefined) throw cellRefused(field, cell);
    array[index] = element;
  }
  return array;
}

const INTEGER_ARRAYS = {
  signed: { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array },
  unsigned: { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array },
} as const;

function integers(
  field: Field,
  vector: Vector,
  bitWidth: 8 | 16 | 32 | 64,
  isSigned: boolean,
): ArrayBufferView {
  const ArrayOf = INTEGER_ARRAYS[isSigned ? 'signed' : 'unsigned'][bitWidth];
  const isNumeric = vector.kind === 'number' || vector.kind === 'wide';
  if (isNumeric && vector.data instanceof ArrayOf) return vector.data;
  const array = new ArrayOf(vector.length);
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
    return fill(field, vector, array, (cell) => wideInteger(cell, isSigned));
  }
  const min = isSigned ? -(2 ** (bitWidth - 1)) : 0;
  const max = min + 2 ** bitWidth - 1;
  return fill(field, vector, array, (cell) => {
    const value = typeof cell === 'bigint' ? Number(cell) : cell;
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : undefined;
  });
}

function wideInteger(cell: unknown, isSigned: boolean): bigint | undefined {
  if (typeof cell !== 'bigint' && (typeof cell !== 'number' || !Number.isSafeInteger(cell))) return undefined;
  const value = BigInt(cell);
  return value === (isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) ? value : undefined;
}

function floats(field: Field, vector: Vector, width: FloatWidth): ArrayBufferView {
  const numeric = (cell: unknown): number | undefined => (typeof cell === 'number' ? cell : undefined);
  if (width === FloatWidth.HALF) {
    return fill(field, vector, new Uint16Array(vector.length), (cell) =>
      typeof cell === 'number' ? halfBits(cell) : undefined,
    );
  }
  const ArrayOf = width === FloatWidth.SINGLE ? Float32Array : Float64Array;
  if (vector.kind === 'number' && vector.data instanceof ArrayOf) return vector.data;
  return fill(field, vector, new ArrayOf(vector.length), numeric);
}

function bools(field: Field, vector: Vector): ArrayBufferView {
  if (vector.kind === 'bool') return packBits(vector.data, vector.length).bits;
  const bytes = fill(field, vector, new Uint8Array(vector.length), (cell) =>
    typeof cell === 'boolean' ? Number(cell) : undefined,
  );
  return packBits(bytes, vector.length).bits;
}

function dates(field: Field, vector: Vector, unit: DateUnit): ArrayBufferView {
  const dayOfCell = (cell: unknown): number | undefined => {
    const days = typeof cell === 'string' ? dayOf(cell) : Number.NaN;
    return Number.isInteger(days) ? days : undefined;
  };
  const days =
    vector.kind === 'day' ? vector.data : fill(field, vector, new Int32Array(vector.length), dayOfCell);
  return unit === DateUnit.DAY ? days : BigInt64Array.from(days, (day) => BigInt(day) * DAY_MS);
}

function decimals(
  field: Field,
  vector: Vector,
  {
    scale,
    precision,
    bitWidth,
  }: { readonly scale: number; readonly precision: number; readonly bitWidth: number },
): ArrayBufferView {
  const stride = bitWidth / 32;
  const limit = 10n ** BigInt(precision);
  const words = new Uint32Array(vector.length * stride);
  for (let index = 0; index < vector.length; index += 1) {
    const cell = vector.at(index);
    if (cell === null) continue;
    const exact = typeof cell === 'string' ? parseExact(cell) : undefined;
    const rescaled = exact && rescale(exact, scale);
    if (!rescaled || rescaled.error > 0 || rescaled.digits >= limit || rescaled.digits <= -limit) {
      throw cellRefused(field, cell);
    }
    writeWide(rescaled.digits, words, index * stride, stride);
  }
  return words;
}

function dictionary(field: Field, vector: Vector): Filled {
  const type: DataType = field.type;
  if (!DataType.isDictionary(type)) throw cellRefused(field, null);
  const { indices, words } =
    vector.kind === 'word' ? { indices: vector.data, words: vector.words } : gather(field, vector);
  const spans = spellTexts(words);
  if (!spans) throw cellRefused(field, `${words.length} words of more than 2 GiB`);
  const dictionary = makeVector(
    makeData({
      type: new Utf8(),
      length: words.length,
      nullCount: 0,
      valueOffsets: spans.offsets,
      data: spans.data,
    }),
  );
  return { data: indexArray(field, indices, words.length, type.indices), dictionary };
}

function indexArray(
  field: Field,
  indices: Int32Array,
  words: number,
  { bitWidth, isSigned }: { readonly bitWidth: 8 | 16 | 32 | 64; readonly isSigned: boolean },
): ArrayBufferView {
  if (bitWidth === 32 && isSigned) return indices;
  if (words > 2 ** (isSigned ? bitWidth - 1 : bitWidth)) throw cellRefused(field, `${words} words`);
  // What stands where a cell is null means nothing, and may be negative.
  if (bitWidth === 64 && !isSigned) return BigUint64Array.from(indices, (index) => BigInt(Math.max(0, index)));
  if (bitWidth === 64) return BigInt64Array.from(indices, BigInt);
  return new INTEGER_ARRAYS[isSigned ? 'signed' : 'unsigned'][bitWidth](indices);
}

function gather(field: Field, vector: Vector): { readonly indices: Int32Array; readonly words: string[] } {
  const places = new Map<string, number>();
  const indices = fill(field, vector, new Int32Array(vector.length), (cell) => {
    if (typeof cell !== 'string') return undefined;
    const known = places.get(cell);
    if (known === undefined) places.set(cell, places.size);
    return known ?? places.size - 1;
  });
  return { indices, words: [...places.keys()] };
}
