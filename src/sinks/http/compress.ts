/** Bodies made smaller for the way, off the event loop. */
import { promisify } from 'node:util';
import { gzip, constants as zlib, zstdCompress } from 'node:zlib';
import type { Compression } from './options.ts';

const toGzip = promisify(gzip);
const toZstd = promisify(zstdCompress);

export async function compressBody(
  body: Uint8Array,
  compression: Exclude<Compression, 'none'>,
): Promise<Uint8Array> {
  if (compression === 'zstd') return toZstd(body);
  // The fastest level: line protocol and JSON shrink to a tenth at any level.
  return toGzip(body, { level: zlib.Z_BEST_SPEED });
}
