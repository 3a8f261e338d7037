/** Cells in the buffers of Arrow: bits, offsets with bytes, and integers of 128 and 256 bits. */

/** Bits of a bitmap, and how many of them are set. */
export interface Bits {
  readonly bits: Uint8Array;
  readonly ones: number;
}

/** Text or bytes one after the other; cell i is `data[offsets[i] .. offsets[i + 1])`. */
export interface Spans {
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
}

const OFFSET_MAX = 2 ** 31 - 1;
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let bits = byte; bits > 0; bits >>= 1) ones += bits & 1;
  return ones;
});

/** One bit per byte, the lowest bit of each, in the order of Arrow: cell 0 is the lowest bit. */
export function packBits(bytes: Uint8Array, length: number): Bits {
  const bits = new Uint8Array(((length + 63) >> 6) << 3);
  let ones = 0;
  let at = 0;
  let index = 0;
  for (; index + 8 <= length; index += 8) {
    // Reads within `length` always give a number; the compiler cannot know.
    const byte =
      (((bytes[index] as number) & 1) |
        (((bytes[index + 1] as number) & 1) << 1) |
        (((bytes[index + 2] as number) & 1) << 2) |
        (((bytes[index + 3] as number) & 1) << 3) |
        (((bytes[index + 4] as number) & 1) << 4) |
        (((bytes[index + 5] as number) & 1) << 5) |
        (((bytes[index + 6] as number) & 1) << 6) |
        (((bytes[index + 7] as number) & 1) << 7)) >>>
      0;
    bits[at] = byte;
    ones += ONES[byte] as number;
    at += 1;
  }
  for (; index < length; index += 1) {
    const bit = (bytes[index] as number) & 1;
    bits[at] = (bits[at] as number) | (bit << (index & 7));
    ones += bit;
  }
  return { bits, ones };
}

/** One byte per bit, from bit `offset` on. */
export function unpackBits(bits: Uint8Array, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) {
    const at = offset + index;
    bytes[index] = ((bits[at >> 3] ?? 0) >> (at & 7)) & 1;
  }
  return bytes;
}

/**
 * The words that the indices name, written out.
 * @returns undefined when they are more than 2 GiB
 */
export function spellWords(
  indices: Int32Array,
  words: readonly string[],
  validity?: Uint8Array,
): Spans | undefined {
  const pool = spellTexts(words);
  if (!pool) return undefined;
  const offsets = new Int32Array(indices.length + 1);
  let bytes = 0;
  for (let index = 0; index < indices.length; index += 1) {
    const word = indices[index] as number;
    if (validity === undefined || validity[index] === 1) {
      bytes += (pool.offsets[word + 1] ?? 0) - (pool.offsets[word] ?? 0);
    }
    if (bytes > OFFSET_MAX) return undefined;
    offsets[index + 1] = bytes;
  }
  const data = new Uint8Array(bytes);
  copyWords(pool, indices, offsets, data);
  return { offsets, data };
}

/** Words are a few bytes long: a loop is several times faster than a call of `set` for each. */
function copyWords(pool: Spans, indices: Int32Array, offsets: Int32Array, data: Uint8Array): void {
  const source = pool.data;
  for (let index = 0; index < indices.length; index += 1) {
    const end = offsets[index + 1] as number;
    let at = offsets[index] as number;
    let from = at === end ? 0 : (pool.offsets[indices[index] as number] as number);
    while (at < end) {
      data[at] = source[from] as number;
      at += 1;
      from += 1;
    }
  }
}

/**
 * Texts as UTF-8; what is no string takes no bytes.
 * @returns undefined when they are more than 2 GiB
 */
export function spellTexts(texts: readonly unknown[]): Spans | undefined {
  let units = 0;
  for (const text of texts) if (typeof text === 'string') units += text.length;
  // Almost every text is ASCII; the buffer grows only for those that are not.
  let data = Buffer.allocUnsafeSlow(units);
  const offsets = new Int32Array(texts.length + 1);
  let at = 0;
  for (let index = 0; index < texts.length; index += 1) {
    const text = texts[index];
    if (typeof text === 'string' && text.length > 0) {
      const needed = text.length * 3;
      if (data.length - at < needed && data.length - at < Buffer.byteLength(text)) {
        data = grow(data, at, Buffer.byteLength(text));
      }
      at += data.write(text, at);
      if (at > OFFSET_MAX) return undefined;
    }
    offsets[index + 1] = at;
  }
  return { offsets, data: new Uint8Array(data.buffer, data.byteOffset, at) };
}

function grow(data: Buffer<ArrayBuffer>, used: number, more: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.ceil(data.length * 1.5) + more);
  larger.set(data.subarray(0, used));
  return larger;
}

/**
 * Bytes one after the other; what is no bytes takes none.
 * @returns undefined when they are more than 2 GiB
 */
export function joinBytes(cells: readonly unknown[]): Spans | undefined {
  const offsets = new Int32Array(cells.length + 1);
  let bytes = 0;
  for (let index = 0; index < cells.length; index += 1) {
    const cell = cells[index];
    if (cell instanceof Uint8Array) bytes += cell.length;
    if (bytes > OFFSET_MAX) return undefined;
    offsets[index + 1] = bytes;
  }
  const data = new Uint8Array(bytes);
  cells.forEach((cell, index) => {
    if (cell instanceof Uint8Array) data.set(cell, offsets[index]);
  });
  return { offsets, data };
}

/** Writes a signed integer in two's complement, lowest word first. */
export function writeWide(value: bigint, words: Uint32Array, at: number, stride: number): void {
  let left = value;
  for (let word = 0; word < stride; word += 1) {
    words[at + word] = Number(BigInt.asUintN(32, left));
    left >>= 32n;
  }
}

/** Reads what `writeWide` writes. */
export function readWide(words: Uint32Array, at: number, stride: number): bigint {
  let value = BigInt((words[at + stride - 1] ?? 0) | 0);
  for (let word = stride - 2; word >= 0; word -= 1) value = (value << 32n) | BigInt(words[at + word] ?? 0);
  return value;
}

const HALF_EXPONENT_MIN = -14;

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

/** The 16 bits of the half-precision float nearest to `value`; ties go to the even one. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // Halfway between the largest half and the next power of two, from where on the nearest is infinity.
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** HALF_EXPONENT_MIN) return sign | roundHalfEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  // The logarithm is rounded, so next to a power of two it may name the neighbour.
  if (2 ** exponent > size) exponent -= 1;
  else if (2 ** (exponent + 1) <= size) exponent += 1;
  // A mantissa that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + roundHalfEven((size / 2 ** exponent - 1) * 1024));
}

/** The value of 16 bits. */
export function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = (bits & 0x3ff) / 1024;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return mantissa > 0 ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0
    ? sign * 2 ** HALF_EXPONENT_MIN * mantissa
    : sign * 2 ** (exponent - 15) * (1 + mantissa);
}
