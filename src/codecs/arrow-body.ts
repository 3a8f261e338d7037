/** The buffers of one record batch, unpacked where they are compressed. */
import { zstdDecompressSync } from 'node:zlib';
import { damaged, unsupported } from './arrow-fault.ts';
import { decodeLz4Frame } from './lz4.ts';

export interface BufferPlace {
  readonly offset: number;
  readonly length: number;
}

/** What one record batch may unpack to. */
const UNPACKED_BYTES_MAX = 1024 * 1024 * 1024;
/** Times that LZ4 shrinks at most. */
const LZ4_RATIO_MAX = 256;
const LENGTH_BYTES = 8;
const NOT_COMPRESSED = -1n;

const CODEC = { lz4Frame: 0, zstd: 1 } as const;

function unpackZstd(packed: Uint8Array, bytes: number, room: number): Uint8Array {
  // apache-arrow for JavaScript writes the packed length where the unpacked one belongs.
  const isMistaken = bytes === packed.length;
  const output = zstdDecompressSync(packed, { maxOutputLength: Math.max(1, isMistaken ? room : bytes) });
  if (output.length !== bytes && !isMistaken)
    throw new RangeError(`${output.length} bytes instead of ${bytes}`);
  // Values are parts of it, and those of a Buffer would be Buffers.
  return new Uint8Array(output.buffer, output.byteOffset, output.byteLength);
}

function unpackLz4(packed: Uint8Array, bytes: number): Uint8Array {
  if (bytes > packed.length * LZ4_RATIO_MAX) throw new RangeError(`${packed.length} bytes cannot be ${bytes}`);
  return decodeLz4Frame(packed, bytes);
}

function unpack(codec: number, packed: Uint8Array, bytes: number, room: number): Uint8Array {
  if (codec !== CODEC.lz4Frame && codec !== CODEC.zstd) throw unsupported(`compression ${codec}`);
  if (bytes < 0 || bytes > room) throw damaged(`a buffer claims ${bytes} bytes`);
  try {
    return codec === CODEC.zstd ? unpackZstd(packed, bytes, room) : unpackLz4(packed, bytes);
  } catch (error) {
    throw damaged('a buffer cannot be unpacked', error);
  }
}

/**
 * @param codec as the message names it, or undefined when the body is not compressed
 * @throws InputError ARROW_DAMAGED or ARROW_UNSUPPORTED
 */
export function buffersOf(
  body: Uint8Array,
  places: readonly BufferPlace[],
  codec: number | undefined,
): readonly Uint8Array[] {
  let room = UNPACKED_BYTES_MAX;
  return places.map(({ offset, length }) => {
    const bytes = body.subarray(offset, offset + length);
    if (codec === undefined || length === 0) return bytes;
    if (length < LENGTH_BYTES) throw damaged('a compressed buffer has no length');
    const claimed = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
    const packed = bytes.subarray(LENGTH_BYTES);
    if (claimed === NOT_COMPRESSED) return packed;
    const output = unpack(codec, packed, Number(claimed), room);
    room -= output.length;
    return output;
  });
}
