/** Arrow columns as vectors: the same memory where the layouts agree. */
import type { Cell, Column, ColumnType } from '../core/columns.ts';
import {
  boolVector,
  cellVector,
  dayVector,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../core/vectors.ts';
import { type Data, DataType, DateUnit, type Field, FloatWidth } from './arrow.ts';
import { halfValue, unpackBits } from './arrow-buffers.ts';
import { damaged } from './arrow-fault.ts';
import { daysOfMs, isTextType, namesOf, readerOf, timeUnitOf, wordsOf } from './arrow-values.ts';
import { exactJson } from './value-text.ts';

function columnTypeOf(type: DataType): ColumnType {
  if (DataType.isDictionary(type)) return columnTypeOf(type.dictionary);
  if (isTextType(type) || DataType.isTime(type)) return 'text';
  if (DataType.isInt(type)) return type.bitWidth === 64 ? 'bigint' : 'int';
  if (DataType.isDuration(type)) return 'bigint';
  if (DataType.isFloat(type)) return 'float';
  if (DataType.isBool(type)) return 'bool';
  if (DataType.isDecimal(type)) return 'decimal';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTimestamp(type)) return 'timestamp';
  const isBytes =
    DataType.isBinary(type) ||
    DataType.isLargeBinary(type) ||
    DataType.isBinaryView(type) ||
    DataType.isFixedSizeBinary(type);
  return isBytes ? 'bytes' : 'json';
}

function leafType(type: DataType): DataType {
  return DataType.isDictionary(type) ? leafType(type.dictionary) : type;
}

/** Text that its field marks as JSON is a column of JSON, as in a compiled schema. */
function columnOf(field: Field, name: string): Column {
  const type = columnTypeOf(field.type);
  const leaf = leafType(field.type);
  const isJson = type === 'text' && field.metadata.get('json') === 'true';
  const column = {
    name,
    type: isJson ? ('json' as const) : type,
    nullable: field.nullable,
    key: field.metadata.get('key') === 'true',
  };
  return DataType.isTimestamp(leaf) ? { ...column, unit: timeUnitOf(leaf.unit) } : column;
}

/** One column per field, with names that are made distinct. */
export function columnsOf(fields: readonly Field[]): readonly Column[] {
  const names = namesOf(fields);
  return fields.map((field, at) => columnOf(field, names[at] ?? field.name));
}

function validityOf({ nullBitmap, length }: Data): Uint8Array | undefined {
  return nullBitmap && nullBitmap.length > 0 ? unpackBits(nullBitmap, 0, length) : undefined;
}

/** @throws InputError ARROW_DAMAGED or ARROW_UNSUPPORTED */
export function vectorOf(data: Data, column: Column): Vector {
  const { type, values, length } = data;
  const validity = validityOf(data);
  if (DataType.isInt(type)) {
    return type.bitWidth === 64 ? wideVector(values, validity) : numberVector(values, validity);
  }
  if (DataType.isTimestamp(type) || DataType.isDuration(type)) return wideVector(values, validity);
  if (DataType.isFloat(type)) {
    const isHalf = type.precision === FloatWidth.HALF;
    return numberVector(isHalf ? Float32Array.from(values as Uint16Array, halfValue) : values, validity);
  }
  if (DataType.isBool(type)) return boolVector(unpackBits(values, 0, length), validity);
  if (DataType.isDate(type)) return dayVector(daysOf(data, type.unit, validity), validity);
  if (DataType.isUtf8(type)) return textVector(data.valueOffsets, values, validity);
  if (DataType.isDictionary(type) && isTextType(type.dictionary)) return wordsVector(data, validity);
  return cellsVector(data, column);
}

function daysOf({ values, length }: Data, unit: DateUnit, validity: Uint8Array | undefined): Int32Array {
  if (unit === DateUnit.DAY) return values;
  const days = new Int32Array(length);
  for (let row = 0; row < length; row += 1) if (validity?.[row] !== 0) days[row] = daysOfMs(values[row]);
  return days;
}

function wordsVector(data: Data, validity: Uint8Array | undefined): Vector {
  const words = data.dictionary ? wordsOf(data.dictionary) : [];
  const read = readerOf(data);
  // A word may itself be null, which a vector of words has no way to say.
  if (words.includes(null))
    return cellVector(Array.from({ length: data.length }, (_, row) => (read(row) ?? null) as Cell));
  const indices =
    data.values instanceof Int32Array ? data.values : Int32Array.from(data.values as Iterable<number>, Number);
  return wordVector(indices, words as readonly string[], validity);
}

function cellsVector(data: Data, { type, name }: Column): Vector {
  const read = readerOf(data);
  const cells: Cell[] = [];
  for (let row = 0; row < data.length; row += 1) {
    const value = read(row);
    const isText = type !== 'json' || isTextType(leafType(data.type));
    cells.push(value === null || isText ? (value as Cell) : jsonCell(value, name));
  }
  return type === 'timestamp' ? damagedTimestamps(cells) : cellVector(cells);
}

function jsonCell(value: unknown, name: string): string {
  const text = exactJson(value);
  if (text === undefined) throw damaged(`column ${JSON.stringify(name)} holds a value that JSON cannot spell`);
  return text;
}

/** A dictionary of timestamps has ISO text for words; nobody is known to write one. */
function damagedTimestamps(cells: readonly Cell[]): Vector {
  if (cells.some((cell) => typeof cell === 'string')) throw damaged('a dictionary holds timestamps');
  return cellVector(cells);
}
