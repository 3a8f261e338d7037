/**
 * The values of one column as the bytes of pages, before compression.
 *
 * Y1 minimum and maximum are in the order of bytes, as every reader compares them, or they are left out: those of
 * text that is not ASCII, and those longer than 64 bytes.
 */

/** Least and greatest value, as PLAIN writes them. */
export interface Range {
  readonly min: Uint8Array;
  readonly max: Uint8Array;
}

/** One page before compression. */
export interface PlainPage {
  readonly bytes: Uint8Array;
  readonly range: Range | undefined;
}

/** A column as a dictionary and indices into it. */
export interface DictionaryPages {
  readonly entries: number;
  readonly dictionary: Uint8Array;
  readonly indices: Uint8Array;
  readonly range: Range | undefined;
}

const LENGTH_BYTES = 4;
const RANGE_BYTES_MAX = 64;
/** The greatest length whose four bytes are four ASCII characters. */
const ASCII_LENGTH_MAX = 127;
/** What an index of one byte can name: beyond it a dictionary gains too little. */
const DICTIONARY_MAX = 256;
const INDEX_BITS = 8;

/** PLAIN: eight bytes each, little-endian. Big integers may be any of 64 bits, numbers must be safe ones. */
export function integerPage(values: readonly (number | bigint)[]): PlainPage {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  let [min = 0] = values;
  let max = min;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    if (typeof value === 'bigint') view.setBigInt64(8 * i, value, true);
    else setInteger(view, 8 * i, value);
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return { bytes, range: values.length === 0 ? undefined : { min: int64(min), max: int64(max) } };
}

/** In two halves: a BigInt for each takes five times as long. */
function setInteger(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / 2 ** 32);
  view.setUint32(at, value - high * 2 ** 32, true);
  view.setInt32(at + 4, high, true);
}

function int64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
}

/** PLAIN: the length in four bytes, then the UTF-8 of each. */
export function textPage(values: readonly string[]): PlainPage {
  const bytes = evenTextBytes(values) ?? textBytes(values);
  const characters = values.reduce((sum, value) => sum + value.length, 0);
  const isAscii = bytes.length === characters + LENGTH_BYTES * values.length;
  return { bytes, range: isAscii ? asciiRange(values) : undefined };
}

/** Keys and digests are ASCII of one length: then their lengths are characters, too, and all is one conversion. */
function evenTextBytes(values: readonly string[]): Uint8Array | undefined {
  const length = values[0]?.length ?? 0;
  if (length > ASCII_LENGTH_MAX || values.some((value) => value.length !== length)) return undefined;
  const prefix = `${String.fromCharCode(length)}\0\0\0`;
  const text = prefix + values.join(prefix);
  const bytes = Buffer.from(text);
  return bytes.length === text.length && values.length > 0 ? bytes : undefined;
}

function textBytes(values: readonly string[]): Uint8Array {
  const most = values.reduce((sum, value) => sum + LENGTH_BYTES + 3 * value.length, 0);
  const buffer = Buffer.allocUnsafe(most);
  let at = 0;
  for (const value of values) {
    const length = buffer.write(value, at + LENGTH_BYTES);
    buffer.writeUInt32LE(length, at);
    at += LENGTH_BYTES + length;
  }
  return buffer.subarray(0, at);
}

/** For ASCII the order of characters is that of bytes. */
function asciiRange(values: readonly string[]): Range | undefined {
  let [min = ''] = values;
  let max = min;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return values.length === 0 ? undefined : rangeOf(Buffer.from(min), Buffer.from(max));
}

function rangeOf(min: Uint8Array, max: Uint8Array): Range | undefined {
  return Math.max(min.length, max.length) > RANGE_BYTES_MAX ? undefined : { min, max };
}

/** @returns undefined when the values are too many different ones */
export function dictionaryPages(values: readonly string[]): DictionaryPages | undefined {
  const places = new Map<string, number>();
  const indices = new Uint8Array(values.length);
  let last: string | undefined;
  let place = 0;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? '';
    if (value !== last) {
      last = value;
      place = places.get(value) ?? places.size;
      if (place === places.size) places.set(value, place);
      if (place >= DICTIONARY_MAX) return undefined;
    }
    indices[i] = place;
  }
  const entries = [...places.keys()];
  return {
    entries: entries.length,
    dictionary: textBytes(entries),
    indices: indexBytes(indices, entries.length),
    range: bytesRange(entries),
  };
}

/**
 * Their width, then one run: repeated when there is one value, else packed in groups of eight. At eight bits an index
 * is a byte.
 */
function indexBytes(indices: Uint8Array, entries: number): Uint8Array {
  if (entries <= 1) return Uint8Array.of(INDEX_BITS, ...varint(indices.length << 1), 0);
  const groups = Math.ceil(indices.length / 8);
  const head = [INDEX_BITS, ...varint((groups << 1) | 1)];
  const bytes = new Uint8Array(head.length + 8 * groups);
  bytes.set(head);
  bytes.set(indices, head.length);
  return bytes;
}

function bytesRange(values: readonly string[]): Range | undefined {
  const sorted = values.map((value) => Buffer.from(value)).sort(Buffer.compare);
  const [min] = sorted;
  const max = sorted.at(-1);
  return min && max ? rangeOf(min, max) : undefined;
}

/** Which values of an optional column are there: one bit each, behind the length of all of them. */
export function definitionLevels(values: readonly (string | null)[]): Uint8Array {
  const levels = levelRun(values);
  const bytes = new Uint8Array(LENGTH_BYTES + levels.length);
  new DataView(bytes.buffer).setUint32(0, levels.length, true);
  bytes.set(levels, LENGTH_BYTES);
  return bytes;
}

function levelRun(values: readonly (string | null)[]): Uint8Array {
  const present = values.reduce((sum, value) => sum + (value === null ? 0 : 1), 0);
  if (present === 0 || present === values.length) {
    return Uint8Array.of(...varint(values.length << 1), present === 0 ? 0 : 1);
  }
  const groups = Math.ceil(values.length / 8);
  const head = varint((groups << 1) | 1);
  const bytes = new Uint8Array(head.length + groups);
  bytes.set(head);
  for (const [i, value] of values.entries()) {
    const at = head.length + (i >> 3);
    if (value !== null) bytes[at] = (bytes[at] ?? 0) | (1 << (i & 7));
  }
  return bytes;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left];
}

/** PLAIN of byte arrays, one after the other: fills a buffer of their size. */
export function layOutBytes(values: readonly Uint8Array[], buffer: Uint8Array): void {
  let at = 0;
  for (const value of values) {
    writeLength(buffer, at, value.length);
    buffer.set(value, at + LENGTH_BYTES);
    at += LENGTH_BYTES + value.length;
  }
}

function writeLength(buffer: Uint8Array, at: number, length: number): void {
  buffer[at] = length;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length >>> 16;
  buffer[at + 3] = length >>> 24;
}

/** PLAIN of one byte array as two parts: it is not copied. */
export function referenceBytes(value: Uint8Array): readonly Uint8Array[] {
  const length = new Uint8Array(LENGTH_BYTES);
  writeLength(length, 0, value.length);
  return [length, value];
}

/** Size of `values` in PLAIN. */
export function plainBytes(values: readonly Uint8Array[]): number {
  let bytes = LENGTH_BYTES * values.length;
  for (const { length } of values) bytes += length;
  return bytes;
}
