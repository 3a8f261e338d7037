/**
 * The encodings of Parquet pages. Every reader fills exactly the number of values it is asked for, reads within the page,
 * and fails with a RangeError when the page has fewer: counts within a page are claims, and allocate nothing.
 */

/** Where a reader stands in its page. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

export function ended(): never {
  throw new RangeError('the page ends too early');
}

function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.bytes[cursor.at] ?? ended();
    cursor.at += 1;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new RangeError('an integer is too long');
}

function readZigzag(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at] ?? ended();
    cursor.at += 1;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return (value >> 1n) ^ -(value & 1n);
  }
  throw new RangeError('an integer is too long');
}

/** `count` bits-wide integers, packed lowest bit first from bit 0 of `at`; widths up to 32. */
function unpack(
  bytes: Uint8Array,
  at: number,
  width: number,
  output: Int32Array | Uint8Array,
  from: number,
  count: number,
): void {
  if (at + Math.ceil((count * width) / 8) > bytes.length) ended();
  if (width <= 24) return unpackNarrow(bytes, at, width, output, from, count);
  let held = 0;
  let bits = 0;
  let next = at;
  for (let index = from; index < from + count; index += 1) {
    while (bits < width) {
      held += (bytes[next] as number) * 2 ** bits;
      next += 1;
      bits += 8;
    }
    // At most 39 bits are held, which a double holds exactly and the operators on 32 bits do not.
    const high = Math.floor(held / 2 ** width);
    output[index] = held - high * 2 ** width;
    held = high;
    bits -= width;
  }
}

/** The same where what is held fits 32 bits. */
function unpackNarrow(
  bytes: Uint8Array,
  at: number,
  width: number,
  output: Int32Array | Uint8Array,
  from: number,
  count: number,
): void {
  const mask = (1 << width) - 1;
  let held = 0;
  let bits = 0;
  let next = at;
  for (let index = from; index < from + count; index += 1) {
    while (bits < width) {
      held |= (bytes[next] as number) << bits;
      next += 1;
      bits += 8;
    }
    output[index] = held & mask;
    held >>>= width;
    bits -= width;
  }
}

/** The hybrid of runs and packed bits, for levels, booleans and indices of a dictionary. */
export function readHybrid(
  cursor: Cursor,
  width: number,
  output: Int32Array | Uint8Array,
  count: number,
): void {
  if (width > 32) throw new RangeError(`values are ${width} bits wide`);
  const { bytes } = cursor;
  const valueBytes = (width + 7) >> 3;
  let filled = 0;
  while (filled < count) {
    const head = readVarint(cursor);
    const left = count - filled;
    if (head % 2 === 1) {
      const packed = Math.floor(head / 2) * 8;
      const wanted = Math.min(packed, left);
      unpack(bytes, cursor.at, width, output, filled, wanted);
      // The last run is padded to eight values, and some writers leave that padding out.
      cursor.at = Math.min(bytes.length, cursor.at + (packed * width) / 8);
      filled += wanted;
      if (packed === 0) throw new RangeError('a run is empty');
      continue;
    }
    const run = Math.min(Math.floor(head / 2), left);
    if (run === 0) throw new RangeError('a run is empty');
    let value = 0;
    for (let byte = 0; byte < valueBytes; byte += 1)
      value |= (bytes[cursor.at + byte] ?? ended()) << (8 * byte);
    cursor.at += valueBytes;
    output.fill(value, filled, filled + run);
    filled += run;
  }
}

/** Bits, lowest first. */
export function readBits(cursor: Cursor, output: Uint8Array): void {
  unpack(cursor.bytes, cursor.at, 1, output, 0, output.length);
  cursor.at += Math.ceil(output.length / 8);
}

type Fixed = Int32Array | BigInt64Array | Float32Array | Float64Array;

/** Numbers as they lie in memory. */
export function readFixed(cursor: Cursor, output: Fixed): void {
  const { bytes, at } = cursor;
  if (output.byteLength > bytes.length - at) ended();
  new Uint8Array(output.buffer, output.byteOffset, output.byteLength).set(
    bytes.subarray(at, at + output.byteLength),
  );
  cursor.at += output.byteLength;
}

/** The first bytes of all values, then the second ones, and so on. @returns the values one after the other */
export function readSplit(cursor: Cursor, count: number, width: number): Uint8Array {
  const { bytes, at } = cursor;
  if (count * width > bytes.length - at) ended();
  const values = new Uint8Array(count * width);
  for (let byte = 0; byte < width; byte += 1) {
    const from = at + byte * count;
    for (let index = 0; index < count; index += 1) values[index * width + byte] = bytes[from + index] as number;
  }
  cursor.at += values.length;
  return values;
}

/** Adds up deltas; `set` is told each value, of which the lowest 64 bits count. */
export function readDeltas(cursor: Cursor, count: number, set: (index: number, value: bigint) => void): void {
  const block = readVarint(cursor);
  const miniblocks = readVarint(cursor);
  readVarint(cursor);
  let value = readZigzag(cursor);
  if (count > 0) set(0, value);
  const size = block / miniblocks;
  if (!Number.isInteger(size) || size === 0 || size % 8 !== 0) throw new RangeError('a block has no such size');
  let index = 1;
  while (index < count) {
    const least = readZigzag(cursor);
    const widths = cursor.bytes.subarray(cursor.at, cursor.at + miniblocks);
    if (widths.length < miniblocks) ended();
    cursor.at += miniblocks;
    for (let miniblock = 0; miniblock < miniblocks && index < count; miniblock += 1) {
      const width = widths[miniblock] as number;
      const wanted = Math.min(size, count - index);
      value = addMiniblock(cursor, width, wanted, { value, least, index, set });
      index += wanted;
      cursor.at += (size * width) / 8;
    }
  }
  cursor.at = Math.min(cursor.at, cursor.bytes.length);
}

interface Sum {
  readonly value: bigint;
  readonly least: bigint;
  readonly index: number;
  readonly set: (index: number, value: bigint) => void;
}

function addMiniblock(
  { bytes, at }: Cursor,
  width: number,
  count: number,
  { value, least, index, set }: Sum,
): bigint {
  if (width > 64) throw new RangeError(`deltas are ${width} bits wide`);
  if (at + Math.ceil((count * width) / 8) > bytes.length) ended();
  let sum = value;
  let held = 0n;
  let bits = 0;
  let next = at;
  const shift = BigInt(width);
  for (let place = 0; place < count; place += 1) {
    while (bits < width) {
      held |= BigInt(bytes[next] as number) << BigInt(bits);
      next += 1;
      bits += 8;
    }
    sum = BigInt.asIntN(64, sum + least + BigInt.asUintN(width, held));
    held >>= shift;
    bits -= width;
    set(index + place, sum);
  }
  return sum;
}

/** Lengths or positions, which have to be counts of bytes. */
export function readLengths(cursor: Cursor, count: number): Int32Array {
  const lengths = new Int32Array(count);
  readDeltas(cursor, count, (index, value) => {
    if (value < 0n || value > 0x7fffffffn) throw new RangeError(`a value claims ${value} bytes`);
    lengths[index] = Number(value);
  });
  return lengths;
}
