/**
 * Values of an Arrow column as the readers of a schema take them: integers of 64 bits as bigint, decimals as their digits,
 * dates, times and timestamps as ISO 8601 with every digit of their unit (and `Z` where the column has a zone), because a
 * bare count would not say in what it counts. Lists are arrays, structs and maps objects; bytes within them are base64.
 */

import type { TimeUnit } from '../core/columns.ts';
import { formatDay } from '../core/day.ts';
import {
  ArrowTimeUnit,
  type ArrowVector,
  type Data,
  DataType,
  DateUnit,
  type Field,
  FloatWidth,
} from './arrow.ts';
import { halfValue, readWide } from './arrow-buffers.ts';
import { damaged, unsupported } from './arrow-fault.ts';
import { distinctNames } from './distinct-names.ts';
import { decimalText, timeOfDayText, timestampText } from './value-text.ts';

/** The value at an index; null for null. */
export type ReadValue = (index: number) => unknown;

const UNITS = {
  [ArrowTimeUnit.SECOND]: 's',
  [ArrowTimeUnit.MILLISECOND]: 'ms',
  [ArrowTimeUnit.MICROSECOND]: 'us',
  [ArrowTimeUnit.NANOSECOND]: 'ns',
} as const satisfies Record<ArrowTimeUnit, TimeUnit>;

const DAY_MS = 86_400_000n;
const INLINE_BYTES = 12;
const VIEW_BYTES = 16;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What the values of fields are called, of a table or a struct. */
export function namesOf(fields: readonly Field[]): readonly string[] {
  return distinctNames(fields.map(({ name }) => name));
}

export function timeUnitOf(unit: ArrowTimeUnit): TimeUnit {
  return UNITS[unit];
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw damaged('text is not UTF-8', error);
  }
}

/** Days of a count of milliseconds, which is to be of whole days. */
export function daysOfMs(ms: bigint): number {
  if (ms % DAY_MS !== 0n) throw damaged(`a date has ${ms % DAY_MS} milliseconds beyond its day`);
  return Number(ms / DAY_MS);
}

/** Bytes of column types with offsets, views or a fixed width. @returns undefined for other types */
export function bytesReader(data: Data): ((index: number) => Uint8Array) | undefined {
  const { type } = data;
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return viewReader(data);
  if (DataType.isFixedSizeBinary(type)) {
    const { byteWidth } = type;
    return (index) => data.values.subarray(index * byteWidth, (index + 1) * byteWidth);
  }
  const hasOffsets =
    DataType.isUtf8(type) ||
    DataType.isBinary(type) ||
    DataType.isLargeUtf8(type) ||
    DataType.isLargeBinary(type);
  if (!hasOffsets) return undefined;
  const { valueOffsets, values } = data;
  return (index) => values.subarray(Number(valueOffsets[index]), Number(valueOffsets[index + 1]));
}

function viewReader({ values, variadicBuffers }: Data): (index: number) => Uint8Array {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  return (index) => {
    const at = index * VIEW_BYTES;
    const length = view.getInt32(at, true);
    if (length <= INLINE_BYTES) return values.subarray(at + 4, at + 4 + length);
    const offset = view.getInt32(at + 12, true);
    return variadicBuffers[view.getInt32(at + 8, true)]?.subarray(offset, offset + length) ?? new Uint8Array(0);
  };
}

export function isTextType(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);
}

/** @throws InputError ARROW_UNSUPPORTED */
export function readerOf(data: Data): ReadValue {
  const read = presentReader(data);
  const { nullBitmap } = data;
  if (!nullBitmap || nullBitmap.length === 0) return read;
  return (index) => (((nullBitmap[index >> 3] ?? 0) >> (index & 7)) & 1 ? read(index) : null);
}

/** Reads values that are not null. */
function presentReader(data: Data): ReadValue {
  const { type, values } = data;
  const bytes = bytesReader(data);
  if (bytes) return isTextType(type) ? (index) => decode(bytes(index)) : bytes;
  if (DataType.isNull(type)) return () => null;
  if (DataType.isInt(type)) return (index) => values[index];
  if (DataType.isFloat(type)) {
    return type.precision === FloatWidth.HALF ? (index) => halfValue(values[index]) : (index) => values[index];
  }
  if (DataType.isBool(type)) return (index) => ((values[index >> 3] >> (index & 7)) & 1) === 1;
  if (DataType.isDecimal(type)) {
    const stride = type.bitWidth / 32;
    return (index) => decimalText(readWide(values, index * stride, stride), type.scale);
  }
  if (DataType.isDate(type)) {
    return type.unit === DateUnit.DAY
      ? (index) => formatDay(values[index])
      : (index) => formatDay(daysOfMs(values[index]));
  }
  return timeReader(data) ?? nestedReader(data);
}

function timeReader({ type, values }: Data): ReadValue | undefined {
  if (DataType.isTimestamp(type)) {
    const unit = UNITS[type.unit];
    const isUtc = Boolean(type.timezone);
    return (index) => timestampText(values[index], unit, isUtc);
  }
  if (DataType.isTime(type)) return (index) => timeOfDayText(BigInt(values[index]), UNITS[type.unit]);
  return DataType.isDuration(type) ? (index) => values[index] : undefined;
}

/** Within a list or an object, bytes are text, as in JSON. */
function innerReader(data: Data): ReadValue {
  const read = readerOf(data);
  if (!bytesReader(data) || isTextType(data.type)) return read;
  return (index) => {
    const bytes = read(index);
    return bytes instanceof Uint8Array ? Buffer.from(bytes).toString('base64') : bytes;
  };
}

const decoded = new WeakMap<ArrowVector, readonly unknown[]>();

/** The values of a dictionary, decoded once. */
export function wordsOf(dictionary: ArrowVector): readonly unknown[] {
  const known = decoded.get(dictionary);
  if (known) return known;
  const words = dictionary.data.flatMap((part) => {
    const read = readerOf(part);
    return Array.from({ length: part.length }, (_, index) => read(index));
  });
  decoded.set(dictionary, words);
  return words;
}

function range(read: ReadValue, start: number, end: number): unknown[] {
  return Array.from({ length: end - start }, (_, index) => read(start + index));
}

function nestedReader(data: Data): ReadValue {
  const { type, values, valueOffsets, children, dictionary } = data;
  if (DataType.isDictionary(type)) {
    const words = dictionary ? wordsOf(dictionary) : [];
    return (index) => words[Number(values[index])];
  }
  const [child] = children;
  if (DataType.isStruct(type)) {
    const names = namesOf(type.children);
    const fields = children.map((field, at) => [names[at] ?? '', innerReader(field)] as const);
    // Made of entries, so that a field named `__proto__` is one.
    return (index) => Object.fromEntries(fields.map(([name, read]) => [name, read(index)]));
  }
  if (!child) throw unsupported(`type ${type}`);
  const read = innerReader(child);
  if (DataType.isFixedSizeList(type)) {
    return (index) => range(read, index * type.listSize, (index + 1) * type.listSize);
  }
  const spanOf = (index: number): unknown[] =>
    range(read, Number(valueOffsets[index]), Number(valueOffsets[index + 1]));
  if (DataType.isList(type) || DataType.isLargeList(type)) return spanOf;
  if (DataType.isMap(type)) return (index) => mapOf(spanOf(index));
  throw unsupported(`type ${type}`);
}

/** Keys that are no text are spelled as JSON would spell them. */
function mapOf(entries: readonly unknown[]): object {
  return Object.fromEntries(
    entries.map((entry) => {
      const [key, value] = Object.values(entry as object);
      return [typeof key === 'string' ? key : String(key), value];
    }),
  );
}
