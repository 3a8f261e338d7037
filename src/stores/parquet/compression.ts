/**
 * zstd for the pages of objects, at level 1: five times smaller on text, at 700 MB/s.
 *
 * Z1 what is larger than 128 KiB is compressed on a thread of libuv, never on the event loop; below that, handing it
 * over costs more than the fifth of a millisecond that the work takes. Z2 two at a time in the whole process: libuv
 * has four threads by default, and the journal's fdatasync must always find one that is free. Z3 small values are laid
 * out in a slab that is used again and again, and handed over at once: memory that is fresh from the system is ten times
 * as slow to fill, and each hand-over costs as much as 50 KB of compression.
 */
import { constants, ZstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** A page may not grow beyond this when it is read back, whatever its header claims. */
export const PAGE_BYTES_MAX = 1024 * 1024 * 1024;
/** What can be laid out to be compressed at once. */
export const SLAB_BYTES = 4 * 1024 * 1024 + 64 * 1024;
const SYNC_BYTES_MAX = 128 * 1024;
const AT_ONCE_MAX = 2;
const CHUNK_BYTES_MIN = 16 * 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;
/** A table of 32 KiB stays in the first cache: 8 to 17 % faster than the table of level 1, at the same size within 2 %. */
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_hashLog]: 13 };

const idleSlabs: Buffer[] = [];
let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** One zstd frame, on the event loop: for what is small. */
export function compressNow(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: PARAMS });
}

/** One zstd frame of all parts, in pieces. Nothing of it may change until it is there. */
export async function compress(parts: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  const [only] = parts;
  if (bytes <= SYNC_BYTES_MAX) return [compressNow(parts.length === 1 && only ? only : Buffer.concat(parts))];
  return inTurn(() => compressOnThread(parts, bytes));
}

/**
 * One zstd frame of what is laid out, in pieces.
 * @param bytes at most SLAB_BYTES
 * @param layOut fills all of the slab it is given; called once, when a thread is free
 */
export async function compressLaidOut(
  bytes: number,
  layOut: (slab: Buffer) => void,
): Promise<readonly Uint8Array[]> {
  if (bytes <= SYNC_BYTES_MAX) {
    const slab = Buffer.allocUnsafe(bytes);
    layOut(slab);
    return [compressNow(slab)];
  }
  return inTurn(async () => {
    const whole = idleSlabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
    const slab = whole.subarray(0, bytes);
    layOut(slab);
    try {
      return await compressOnThread([slab], bytes);
    } finally {
      idleSlabs.push(whole);
    }
  });
}

function compressOnThread(parts: readonly Uint8Array[], bytes: number): Promise<readonly Uint8Array[]> {
  // Text shrinks to less than a quarter and so comes in one piece.
  const chunkSize = Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES_MIN, bytes >> 2));
  return new Promise((resolve, reject) => {
    const stream = new ZstdCompress({ params: PARAMS, chunkSize, pledgedSrcSize: bytes });
    const pieces: Uint8Array[] = [];
    stream.on('data', (piece: Uint8Array) => pieces.push(piece));
    stream.on('end', () => resolve(pieces));
    stream.on('error', reject);
    const last = parts.length - 1;
    for (let at = 0; at < last; at += 1) stream.write(parts[at]);
    stream.end(parts[last]);
  });
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
