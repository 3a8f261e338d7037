/** Single values of a leaf: as a cell of a column of its own, and as JSON text within a nested one. */
import { isUtf8 } from 'node:buffer';
import type { Cell } from '../core/columns.ts';
import { formatDay } from '../core/day.ts';
import { halfValue } from './arrow-buffers.ts';
import { BadValue } from './parquet-bad-rows.ts';
import { damaged } from './parquet-fault.ts';
import type { SchemaElement } from './parquet-footer.ts';
import type { Chunk } from './parquet-pages.ts';
import { lengthOf } from './parquet-pages.ts';
import type { Values } from './parquet-values.ts';
import { bigEndianInteger, decimalText, timeOfDayText, timestampText, uuidText } from './value-text.ts';

type Convert = (value: Cell) => Cell | BadValue;

/** Longer decimals than any writer makes; their text would take a time that grows with the square of their length. */
const DECIMAL_BYTES_MAX = 64;
const JULIAN_EPOCH = 2_440_588n;
const DAY_NS = 86_400_000_000_000n;

/** A value as it is stored: number, bigint, boolean or bytes. */
function storedAt(values: Values, index: number): Cell {
  if (values.kind === 'spans') return values.data.subarray(values.offsets[index], values.offsets[index + 1]);
  const value = values.data[index] ?? null;
  return values.kind === 'bools' ? value === 1 : value;
}

export function decodeUtf8(bytes: Uint8Array): string | BadValue {
  if (!isUtf8(bytes)) return new BadValue('text that is not UTF-8', bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The text itself when it is JSON. */
export function checkJson(text: string | BadValue): string | BadValue {
  if (typeof text !== 'string') return text;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return new BadValue('text that is not JSON', Buffer.from(text));
  }
}

function integerOf(value: Cell): bigint {
  if (typeof value === 'number') return BigInt(value);
  return typeof value === 'bigint' ? value : bigEndianInteger(bytesOf(value));
}

function decimalOf(value: Cell, scale: number): string | BadValue {
  const isLong = value instanceof Uint8Array && value.length > DECIMAL_BYTES_MAX;
  if (isLong) return new BadValue(`a decimal of ${value.length} bytes`, value);
  return decimalText(integerOf(value), scale);
}

function bytesOf(value: Cell): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw damaged('a value is stored in another type than its column');
}

/** Eight bytes of nanoseconds within the day, four of the Julian day: outside of the years 1677 to 2262 more than 64 bits. */
function int96Of(value: Cell): bigint {
  const bytes = bytesOf(value);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (BigInt(view.getInt32(8, true)) - JULIAN_EPOCH) * DAY_NS + view.getBigInt64(0, true);
}

function halfOf(value: Cell): number {
  const [low = 0, high = 0] = bytesOf(value);
  return halfValue(low | (high << 8));
}

function unsigned(value: Cell): Cell {
  return typeof value === 'bigint' ? BigInt.asUintN(64, value) : Number(value) >>> 0;
}

/** How a stored value becomes the cell of its column. */
function convertOf(element: SchemaElement): Convert {
  const { meaning, type } = element;
  switch (meaning.kind) {
    case 'text':
      return (value) => decodeUtf8(bytesOf(value));
    case 'json':
      return (value) => checkJson(decodeUtf8(bytesOf(value)));
    case 'decimal':
      return (value) => decimalOf(value, meaning.scale);
    case 'date':
      return (value) => formatDay(Number(value));
    case 'time':
      return (value) => timeOfDayText(integerOf(value), meaning.unit);
    case 'uuid':
      return (value) => uuidText(bytesOf(value));
    case 'float16':
      return halfOf;
    case 'integer':
      return meaning.isSigned ? (value) => value : unsigned;
    default:
      return type === 'INT96' ? int96Of : (value) => value;
  }
}

/** JSON has no word for these, and null would be another value. */
function numberText(value: number): string {
  return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value));
}

function jsonTextOf(cell: Cell, { meaning, type }: SchemaElement): string {
  if (meaning.kind === 'json') return String(cell);
  if (meaning.kind === 'timestamp') {
    return JSON.stringify(timestampText(integerOf(cell), meaning.unit, meaning.isUtc));
  }
  if (type === 'INT96') return JSON.stringify(timestampText(integerOf(cell), 'ns', false));
  if (cell instanceof Uint8Array) return JSON.stringify(Buffer.from(cell).toString('base64'));
  return typeof cell === 'number'
    ? numberText(cell)
    : typeof cell === 'string'
      ? JSON.stringify(cell)
      : String(cell);
}

/** Every value of the chunk without its nulls; those of a dictionary are converted once. */
export function convertChunk<T>(
  { parts, dictionary }: Chunk,
  convert: (values: Values, index: number) => T,
): T[] {
  const words: T[] = [];
  if (dictionary && parts.some(({ kind }) => kind === 'indices')) {
    for (let index = 0; index < lengthOf(dictionary); index += 1) words.push(convert(dictionary, index));
  }
  const all: T[] = [];
  for (const part of parts) {
    if (part.kind === 'indices') for (const index of part.indices) all.push(words[index] as T);
    else for (let index = 0; index < part.count; index += 1) all.push(convert(part.values, index));
  }
  return all;
}

/** Cells of a leaf, without its nulls. */
export function cellsOfChunk(chunk: Chunk, element: SchemaElement): (Cell | BadValue)[] {
  const convert = convertOf(element);
  return convertChunk(chunk, (values, index) => convert(storedAt(values, index)));
}

/** Values of a leaf as JSON text, without its nulls: bytes are base64, times ISO 8601,
 * decimals text, so that no reader of JSON rounds them. */
export function jsonTextsOfChunk(chunk: Chunk, element: SchemaElement): (string | BadValue)[] {
  const convert = convertOf(element);
  return convertChunk(chunk, (values, index) => {
    const cell = convert(storedAt(values, index));
    return cell instanceof BadValue ? cell : jsonTextOf(cell, element);
  });
}
