/** The compressions that pages of Parquet come in. What a page claims to unpack to is the most it may. */
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decodeLz4Block, decodeLz4Frame } from './lz4.ts';
import { damaged, unsupported } from './parquet-fault.ts';
import { decodeSnappy } from './snappy.ts';

/** Times that the best compressible data shrinks, at most, with some room for short pages. */
const SNAPPY_RATIO_MAX = 64;
const LZ4_RATIO_MAX = 256;
const SHORT_BYTES = 1024;

type Unpack = (page: Uint8Array, bytes: number) => Uint8Array;

/** Refuses a claim before anything of its size is allocated. */
function allocate(page: Uint8Array, bytes: number, ratioMax: number): Uint8Array {
  if (bytes > page.length * ratioMax + SHORT_BYTES)
    throw new RangeError(`${page.length} bytes cannot be ${bytes}`);
  return new Uint8Array(bytes);
}

function unpackSnappy(page: Uint8Array, bytes: number): Uint8Array {
  const output = allocate(page, bytes, SNAPPY_RATIO_MAX);
  decodeSnappy(page, output);
  return output;
}

function unpackLz4Raw(page: Uint8Array, bytes: number): Uint8Array {
  const output = allocate(page, bytes, LZ4_RATIO_MAX);
  if (decodeLz4Block(page, output) !== bytes) throw new RangeError('the page ends too early');
  return output;
}

/** Blocks with a big-endian head of two sizes, as Hadoop writes them. */
function unpackLz4Hadoop(page: Uint8Array, bytes: number): Uint8Array {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const output = allocate(page, bytes, LZ4_RATIO_MAX);
  let at = 0;
  let to = 0;
  while (to < bytes) {
    const end = to + view.getUint32(at);
    const length = view.getUint32(at + 4);
    at += 8;
    if (length > page.length - at || end > bytes) throw new RangeError('a block is too long');
    if (decodeLz4Block(page.subarray(at, at + length), output.subarray(0, end), to) !== end) {
      throw new RangeError('a block ends too early');
    }
    at += length;
    to = end;
  }
  return output;
}

/** The name `LZ4` has stood for three formats; each is so strict that only the right one succeeds. */
function unpackLz4(page: Uint8Array, bytes: number): Uint8Array {
  for (const unpack of [unpackLz4Hadoop, decodeLz4Frame]) {
    try {
      return unpack(page, bytes);
    } catch {
      // The next format is tried; what the last one says is thrown.
    }
  }
  return unpackLz4Raw(page, bytes);
}

const CODECS: Readonly<Record<string, Unpack>> = {
  UNCOMPRESSED: (page) => page,
  SNAPPY: unpackSnappy,
  GZIP: (page, bytes) => gunzipSync(page, { maxOutputLength: bytes }),
  BROTLI: (page, bytes) => brotliDecompressSync(page, { maxOutputLength: bytes }),
  ZSTD: (page, bytes) => zstdDecompressSync(page, { maxOutputLength: bytes }),
  LZ4_RAW: unpackLz4Raw,
  LZ4: unpackLz4,
};

/**
 * Unpacks one page of exactly `bytes` bytes.
 * @throws InputError PARQUET_UNSUPPORTED for LZO and unknown codecs, PARQUET_DAMAGED
 */
export function unpackPage(codec: string, page: Uint8Array, bytes: number): Uint8Array {
  const unpack = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
  if (!unpack) throw unsupported(`compression ${codec}`);
  if (bytes === 0) return new Uint8Array(0);
  let output: Uint8Array;
  try {
    output = unpack(page, bytes);
  } catch (error) {
    throw damaged(`a page cannot be unpacked (${codec})`, error);
  }
  if (output.length !== bytes) throw damaged(`a page unpacks to ${output.length} bytes, not ${bytes}`);
  // Cells are parts of it, and those of a Buffer would be Buffers.
  return new Uint8Array(output.buffer, output.byteOffset, output.byteLength);
}
