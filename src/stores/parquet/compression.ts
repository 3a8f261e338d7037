/**
 * zstd for the pages of objects, at level 1: five times smaller on text, at 700 MB/s.
 *
 * Z1 what is larger than 128 KiB is compressed on a thread of libuv, never on the event loop; below that, handing it
 * over costs more than the fifth of a millisecond that the work takes. Z2 two at a time in the whole process: libuv
 * has four threads by default, and the journal's fdatasync must always find one that is free. Z3 parts are compressed
 * as they come, so that nobody lays them out in one large buffer: memory that is fresh from the system is ten times as
 * slow to fill as a small buffer that is filled again.
 */
import { constants, ZstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** A page may not grow beyond this when it is read back, whatever its header claims. */
export const PAGE_BYTES_MAX = 1024 * 1024 * 1024;
/** Bytes that the parts of small values may be laid out in; each part has one of two in turn. */
export const SLAB_BYTES = 256 * 1024;
const SYNC_BYTES_MAX = 128 * 1024;
const AT_ONCE_MAX = 2;
const CHUNK_BYTES_MIN = 16 * 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1 };

/** The parts of a page; the next one is asked for when the one before the last is compressed. */
export type Parts = (slabs: readonly [Buffer, Buffer]) => Iterable<Uint8Array>;

const idle: (readonly [Buffer, Buffer])[] = [];
let running = 0;
const waiting: (() => void)[] = [];

async function withSlabs<T>(work: (slabs: readonly [Buffer, Buffer]) => Promise<T>): Promise<T> {
  if (running >= AT_ONCE_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  const slabs =
    idle.pop() ?? ([Buffer.allocUnsafeSlow(SLAB_BYTES), Buffer.allocUnsafeSlow(SLAB_BYTES)] as const);
  try {
    return await work(slabs);
  } finally {
    idle.push(slabs);
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** One zstd frame, on the event loop: for what is small. */
export function compressNow(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: PARAMS });
}

/** One zstd frame, in pieces. */
export function compress(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
  return compressParts(bytes.length, () => [bytes]);
}

/**
 * One zstd frame of many parts, in pieces.
 * @param bytes of all parts
 */
export async function compressParts(bytes: number, parts: Parts): Promise<readonly Uint8Array[]> {
  if (bytes > SYNC_BYTES_MAX) return withSlabs((slabs) => compressOnThread(bytes, parts(slabs)));
  // In a slab of this size nothing is too large to be laid out, and all is one part.
  const slab = Buffer.allocUnsafe(2 * bytes);
  return [compressNow(Buffer.concat([...parts([slab, slab])], bytes))];
}

async function compressOnThread(bytes: number, parts: Iterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  // Text shrinks to less than a quarter and so comes in one piece.
  const chunkSize = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, bytes >> 2));
  const stream = new ZstdCompress({ params: PARAMS, chunkSize, pledgedSrcSize: bytes });
  const pieces: Uint8Array[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('data', (piece: Uint8Array) => pieces.push(piece));
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  // Whoever waits for a part meets the error there.
  ended.catch(() => undefined);
  let before: Promise<void> = Promise.resolve();
  for (const part of parts) {
    await before;
    before = new Promise((resolve, reject) => {
      stream.write(part, (error) => (error ? reject(error) : resolve()));
    });
  }
  stream.end();
  await before;
  await ended;
  return pieces;
}

/**
 * The bytes of one frame.
 * @param bytes as many as the page claims; never more are made
 */
export function decompress(page: Uint8Array, bytes: number): Uint8Array {
  if (bytes > PAGE_BYTES_MAX) throw new Error(`a page claims ${bytes} bytes, the limit is ${PAGE_BYTES_MAX}`);
  if (bytes === 0) return new Uint8Array(0);
  return zstdDecompressSync(page, { maxOutputLength: bytes });
}
