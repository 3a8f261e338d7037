/** The values of one page, without nulls: numbers as arrays, everything of variable length as bytes with offsets. */

import {
  type Cursor,
  ended,
  readBits,
  readDeltas,
  readFixed,
  readHybrid,
  readLengths,
  readSplit,
} from './parquet-encodings.ts';
import { damaged, tooLarge, unsupported } from './parquet-fault.ts';
import type { PhysicalType } from './parquet-footer.ts';

/** Value i is `data[offsets[i] .. offsets[i + 1])`. */
export interface Spans {
  readonly kind: 'spans';
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
}

export interface Numbers {
  readonly kind: 'numbers';
  readonly data: Int32Array | BigInt64Array | Float32Array | Float64Array;
}

export interface Bools {
  readonly kind: 'bools';
  readonly data: Uint8Array;
}

export type Values = Spans | Numbers | Bools;

export interface ValueType {
  readonly type: PhysicalType;
  /** Bytes of a value of fixed length. */
  readonly width: number;
}

const INT96_BYTES = 12;

export const ENCODING = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  bitPacked: 4,
  deltaBinary: 5,
  deltaLength: 6,
  deltaBytes: 7,
  dictionary: 8,
  split: 9,
} as const;

/**
 * @param bytesMax what the page may unfold to by repeating beginnings of values
 * @throws RangeError when the page has fewer values; InputError PARQUET_UNSUPPORTED or PARQUET_TOO_LARGE
 */
export function readValues(
  cursor: Cursor,
  encoding: number,
  count: number,
  of: ValueType,
  bytesMax: number,
): Values {
  switch (encoding) {
    case ENCODING.plain:
      return readPlain(cursor, count, of);
    case ENCODING.rle:
      return readRunBools(cursor, count, of);
    case ENCODING.deltaBinary:
      return readDeltaNumbers(cursor, count, of);
    case ENCODING.deltaLength:
      return readDeltaLengths(cursor, count);
    case ENCODING.deltaBytes:
      return readDeltaBytes(cursor, count, bytesMax);
    case ENCODING.split:
      return readSplitValues(cursor, count, of);
    default:
      throw unsupported(`encoding ${encoding}`);
  }
}

/** Whether values are bytes of one length, which stands in the schema and not before each. */
export function isFixed(type: PhysicalType): boolean {
  return type === 'FIXED_LEN_BYTE_ARRAY' || type === 'INT96';
}

function widthOf({ type, width }: ValueType): number {
  return type === 'INT96' ? INT96_BYTES : width;
}

function numbersOf(type: PhysicalType, count: number): Numbers['data'] | undefined {
  if (type === 'INT32') return new Int32Array(count);
  if (type === 'INT64') return new BigInt64Array(count);
  if (type === 'FLOAT') return new Float32Array(count);
  return type === 'DOUBLE' ? new Float64Array(count) : undefined;
}

function readPlain(cursor: Cursor, count: number, of: ValueType): Values {
  const { bytes } = cursor;
  if (of.type === 'BOOLEAN') {
    const data = new Uint8Array(count);
    readBits(cursor, data);
    return { kind: 'bools', data };
  }
  if (isFixed(of.type)) {
    const width = widthOf(of);
    if (width === 0) throw damaged('values of a fixed length have no length');
    if (count * width > bytes.length - cursor.at) ended();
    return fixedSpans(bytes.subarray(cursor.at, cursor.at + count * width), count, width);
  }
  const numbers = of.type === 'BYTE_ARRAY' ? undefined : numbersOf(of.type, count);
  if (!numbers) return readPlainSpans(cursor, count);
  readFixed(cursor, numbers);
  return { kind: 'numbers', data: numbers };
}

function fixedSpans(data: Uint8Array, count: number, width: number): Spans {
  const offsets = new Int32Array(count + 1);
  for (let index = 1; index <= count; index += 1) offsets[index] = index * width;
  return { kind: 'spans', offsets, data };
}

function readPlainSpans(cursor: Cursor, count: number): Spans {
  const { bytes } = cursor;
  if (count * 4 > bytes.length - cursor.at) ended();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offsets = new Int32Array(count + 1);
  const data = new Uint8Array(bytes.length - cursor.at - count * 4);
  let at = cursor.at;
  let to = 0;
  for (let index = 0; index < count; index += 1) {
    const length = view.getUint32(at, true);
    at += 4;
    if (length > bytes.length - at || length > data.length - to) ended();
    copy(bytes, at, data, to, length);
    at += length;
    to += length;
    offsets[index + 1] = to;
  }
  cursor.at = at;
  return { kind: 'spans', offsets, data: data.subarray(0, to) };
}

/** Below this a loop is faster than a call. */
const SHORT_BYTES = 32;

export function copy(from: Uint8Array, at: number, to: Uint8Array, place: number, length: number): void {
  if (length > SHORT_BYTES) to.set(from.subarray(at, at + length), place);
  else for (let index = 0; index < length; index += 1) to[place + index] = from[at + index] as number;
}

/** Booleans in runs come behind four bytes with their length. */
function readRunBools(cursor: Cursor, count: number, of: ValueType): Bools {
  if (of.type !== 'BOOLEAN') throw unsupported(`run-length encoding of ${of.type}`);
  const data = new Uint8Array(count);
  cursor.at += 4;
  readHybrid(cursor, 1, data, count);
  return { kind: 'bools', data };
}

function readDeltaNumbers(cursor: Cursor, count: number, { type }: ValueType): Numbers {
  if (type === 'INT32') {
    const data = new Int32Array(count);
    readDeltas(cursor, count, (index, value) => {
      data[index] = Number(BigInt.asIntN(32, value));
    });
    return { kind: 'numbers', data };
  }
  if (type !== 'INT64') throw unsupported(`delta encoding of ${type}`);
  const data = new BigInt64Array(count);
  readDeltas(cursor, count, (index, value) => {
    data[index] = value;
  });
  return { kind: 'numbers', data };
}

function readDeltaLengths(cursor: Cursor, count: number): Spans {
  const lengths = readLengths(cursor, count);
  const offsets = new Int32Array(count + 1);
  const room = cursor.bytes.length - cursor.at;
  let to = 0;
  for (let index = 0; index < count; index += 1) {
    to += lengths[index] as number;
    if (to > room) ended();
    offsets[index + 1] = to;
  }
  const data = cursor.bytes.subarray(cursor.at, cursor.at + to);
  cursor.at += to;
  return { kind: 'spans', offsets, data };
}

/** Each value starts with a part of the one before it. */
function readDeltaBytes(cursor: Cursor, count: number, bytesMax: number): Spans {
  const prefixes = readLengths(cursor, count);
  const suffixes = readDeltaLengths(cursor, count);
  const offsets = new Int32Array(count + 1);
  let bytes = 0;
  for (let index = 0; index < count; index += 1) {
    const prefix = prefixes[index] as number;
    const before = index === 0 ? 0 : bytes - (offsets[index - 1] as number);
    if (prefix > before) throw new RangeError('a value starts with more than the one before it has');
    bytes += prefix + (suffixes.offsets[index + 1] as number) - (suffixes.offsets[index] as number);
    if (bytes > bytesMax) throw tooLarge('bytes of the values of a page', bytes, bytesMax);
    offsets[index + 1] = bytes;
  }
  const data = new Uint8Array(bytes);
  for (let index = 0; index < count; index += 1) {
    const to = offsets[index] as number;
    const prefix = prefixes[index] as number;
    const from = suffixes.offsets[index] as number;
    if (prefix > 0) data.copyWithin(to, offsets[index - 1] as number, (offsets[index - 1] as number) + prefix);
    copy(suffixes.data, from, data, to + prefix, (suffixes.offsets[index + 1] as number) - from);
  }
  return { kind: 'spans', offsets, data };
}

function readSplitValues(cursor: Cursor, count: number, of: ValueType): Values {
  const numbers = numbersOf(of.type, count);
  if (numbers) {
    const bytes = readSplit(cursor, count, numbers.BYTES_PER_ELEMENT);
    new Uint8Array(numbers.buffer).set(bytes);
    return { kind: 'numbers', data: numbers };
  }
  if (!isFixed(of.type)) throw unsupported(`byte stream split of ${of.type}`);
  if (widthOf(of) === 0) throw damaged('values of a fixed length have no length');
  return fixedSpans(readSplit(cursor, count, widthOf(of)), count, widthOf(of));
}
