/**
 * Snappy without framing, as in Parquet: https://github.com/google/snappy/blob/main/format_description.txt. Every step reads
 * at least one byte and is checked against both ends, so a damaged page costs no more than its bytes and those it claims.
 */

/** Lengths from here on stand in the 1 to 4 bytes behind the tag. */
const LONG_LITERAL = 60;
const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;

function broken(): never {
  throw new RangeError('the Snappy data is damaged');
}

/** A number of `count` bytes, the lowest first; never negative. */
function readNumber(input: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index -= 1) value = value * 256 + (input[at + index] ?? broken());
  return value;
}

/** Where the length that a page begins with ends. @throws RangeError when it is another one than `bytes` */
function skipLength(input: Uint8Array, bytes: number): number {
  let length = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = input[at] ?? broken();
    length += (byte & 127) * 128 ** at;
    if (byte < 128) return length === bytes ? at + 1 : broken();
  }
  return broken();
}

/** Copies what was written `offset` bytes ago, byte by byte: it may reach into what is being written. */
function copyBack(output: Uint8Array, to: number, offset: number, length: number): void {
  if (offset === 0 || offset > to || length > output.length - to) broken();
  for (let index = to; index < to + length; index += 1) output[index] = output[index - offset] as number;
}

/**
 * Fills `output` with what `input` unpacks to.
 * @throws RangeError when it is damaged, or is more or less than `output` has room for
 */
export function decodeSnappy(input: Uint8Array, output: Uint8Array): void {
  let at = skipLength(input, output.length);
  let to = 0;
  while (at < input.length) {
    const tag = input[at] as number;
    const kind = tag & 3;
    const high = tag >> 2;
    at += 1;
    if (kind === LITERAL) {
      const extra = high < LONG_LITERAL ? 0 : high - LONG_LITERAL + 1;
      const length = (extra === 0 ? high : readNumber(input, at, extra)) + 1;
      at += extra;
      if (length > input.length - at || length > output.length - to) broken();
      output.set(input.subarray(at, at + length), to);
      at += length;
      to += length;
    } else {
      const offsetBytes = kind === COPY_1 ? 1 : kind === COPY_2 ? 2 : 4;
      const low = readNumber(input, at, offsetBytes);
      at += offsetBytes;
      const length = kind === COPY_1 ? (high & 7) + 4 : high + 1;
      copyBack(output, to, kind === COPY_1 ? (high >> 3) * 256 + low : low, length);
      to += length;
    }
  }
  if (to !== output.length) broken();
}
