/** The buffers of one record batch, unpacked where they are compressed. */
import { zstdDecompressSync } from 'node:zlib';
import { damaged, unsupported } from './arrow-fault.ts';
import { decodeLz4Frame } from './lz4.ts';

export interface BufferPlace {
  readonly offset: number;
  readonly length: number;
}

/** What the record batches of a body may unpack to together, or a multiple of the body when that is more. */
const UNPACKED_BYTES_MAX = 1024 * 1024 * 1024;
const UNPACKED_RATIO_MAX = 16;
/** More rows than the first number have to take bytes, and more than the last one are too many in any case. */
const UNBACKED_ROWS_MAX = 1_048_576;
const ROWS_PER_BYTE_MAX = 64;
const ROWS_MAX = 64 * UNBACKED_ROWS_MAX;
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

/** What the messages of one body may claim together: each for itself could be within its limits, and there are many. */
export class BodyBudget {
  #bytesLeft: number;
  #rowsLeft: number;

  constructor(bodyBytes: number) {
    this.#bytesLeft = Math.max(UNPACKED_BYTES_MAX, bodyBytes * UNPACKED_RATIO_MAX);
    this.#rowsLeft = Math.min(ROWS_MAX, UNBACKED_ROWS_MAX + bodyBytes * ROWS_PER_BYTE_MAX);
  }

  get bytesLeft(): number {
    return this.#bytesLeft;
  }

  takeBytes(bytes: number): void {
    this.#bytesLeft -= bytes;
  }

  /** @throws InputError ARROW_DAMAGED */
  takeRows(rows: number): void {
    this.#rowsLeft -= rows;
    if (this.#rowsLeft < 0) throw damaged(`its batches claim ${-this.#rowsLeft} rows more than it can hold`);
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
  budget: BodyBudget,
): readonly Uint8Array[] {
  return places.map(({ offset, length }) => {
    const bytes = body.subarray(offset, offset + length);
    if (codec === undefined || length === 0) return bytes;
    if (length < LENGTH_BYTES) throw damaged('a compressed buffer has no length');
    const claimed = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
    const packed = bytes.subarray(LENGTH_BYTES);
    if (claimed === NOT_COMPRESSED) return packed;
    const output = unpack(codec, packed, Number(claimed), budget.bytesLeft);
    budget.takeBytes(output.length);
    return output;
  });
}
