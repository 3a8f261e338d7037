/** The Arrow type that holds a column as it is, for columns that come without a schema. */
import type { Column } from '../core/columns.ts';
import type { NumberArray, Vector } from '../core/vectors.ts';
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  Timestamp,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from './arrow.ts';
import { ARROW_UNITS } from './declare/type-names.ts';

const INT64_MAX = 2n ** 63n - 1n;
const DECIMAL_128_DIGITS = 38;
const DECIMAL_256_DIGITS = 76;

function typeOfNumbers(data: NumberArray): DataType {
  if (data instanceof Int8Array) return new Int8();
  if (data instanceof Int16Array) return new Int16();
  if (data instanceof Int32Array) return new Int32();
  if (data instanceof Uint8Array) return new Uint8();
  if (data instanceof Uint16Array) return new Uint16();
  if (data instanceof Uint32Array) return new Uint32();
  return data instanceof Float32Array ? new Float32() : new Float64();
}

/** As many decimals as the cell with the most has, and room for as many digits as 128 bits hold. */
function typeOfDecimals(vector: Vector): Decimal {
  let scale = 0;
  let whole = 1;
  for (let index = 0; index < vector.length; index += 1) {
    const cell = vector.at(index);
    if (typeof cell !== 'string') continue;
    const digits = cell.startsWith('-') ? cell.length - 1 : cell.length;
    const point = cell.indexOf('.');
    const decimals = point < 0 ? 0 : cell.length - point - 1;
    scale = Math.max(scale, decimals);
    whole = Math.max(whole, point < 0 ? digits : digits - decimals - 1);
  }
  const isWide = whole + scale > DECIMAL_128_DIGITS;
  return new Decimal(scale, isWide ? DECIMAL_256_DIGITS : DECIMAL_128_DIGITS, isWide ? 256 : 128);
}

/** 32 bits unless a cell made by hand needs more, which `int` promises never to exceed 2^53. */
function typeOfIntegerCells(vector: Vector): DataType {
  for (let index = 0; index < vector.length; index += 1) {
    const cell = vector.at(index);
    if (typeof cell === 'number' && (cell | 0) !== cell) return new Int64();
  }
  return new Int32();
}

/** Signed unless a cell is beyond what 63 bits hold. */
function typeOfWideCells(vector: Vector): DataType {
  for (let index = 0; index < vector.length; index += 1) {
    const cell = vector.at(index);
    if (typeof cell === 'bigint' && cell > INT64_MAX) return new Uint64();
  }
  return new Int64();
}

function typeOfCells({ type, unit }: Column, vector: Vector): DataType {
  switch (type) {
    case 'bool':
      return new Bool();
    case 'int':
      return typeOfIntegerCells(vector);
    case 'bigint':
      return typeOfWideCells(vector);
    case 'float':
      return new Float64();
    case 'decimal':
      return typeOfDecimals(vector);
    case 'bytes':
      return new Binary();
    case 'date':
      return new DateDay();
    case 'timestamp':
      return new Timestamp(ARROW_UNITS[unit ?? 'ms']);
    default:
      return new Utf8();
  }
}

/**
 * The type that takes the vector without a change: its own width for numbers, a dictionary for words. A timestamp has no
 * zone, because a column does not know it.
 */
export function arrowTypeOf(column: Column, vector: Vector): DataType {
  if (vector.kind === 'number') return typeOfNumbers(vector.data);
  if (vector.kind === 'word') return new Dictionary(new Utf8(), new Int32());
  if (vector.kind === 'wide' && column.type === 'bigint') {
    return vector.data instanceof BigUint64Array ? new Uint64() : new Int64();
  }
  return typeOfCells(column, vector);
}

/** A field of that type; `key` and `json` go into its metadata, where a compiled schema looks for them. */
export function arrowFieldOf(column: Column, vector: Vector): Field {
  const metadata = new Map<string, string>();
  if (column.key) metadata.set('key', 'true');
  if (column.type === 'json') metadata.set('json', 'true');
  return new Field(column.name, arrowTypeOf(column, vector), column.nullable, metadata);
}
