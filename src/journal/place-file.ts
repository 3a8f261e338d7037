/**
 * The index of a sealed segment on the disk: its place table, beside it. Never the truth: what does not fit the
 * segment, this machine or its own checksum reads as absent, and is made again from the segment.
 *
 *   NNNNNNNNNNNNNNNN.idx
 *
 *   0   8  magic 89 54 46 49 44 58 0D 0A
 *   8   4  version (1), in the byte order of the machine, as all that follows
 *  12   4  number of places
 *  16   8  first seq of the segment
 *  24   8  size of the segment
 *  32   8  CRC32 over the columns
 *  40   ·  the columns (place-table.ts)
 */
import { crc32 } from 'node:zlib';
import type { FileSystem } from '../core/file-system.ts';
import { columnsOver, PLACE_BYTES, PlaceTable } from './place-table.ts';

const MAGIC = Uint8Array.of(0x89, 0x54, 0x46, 0x49, 0x44, 0x58, 0x0d, 0x0a);
const VERSION = 1;
const HEADER_BYTES = 40;

export function placeFileName(segmentName: string): string {
  return segmentName.replace('.seg', '.idx');
}

/** @returns the first seq of the segment that an index file belongs to; undefined when the name is not one's */
export function firstSeqOfPlaceFile(name: string): number | undefined {
  const digits = /^(\d{16})\.idx(\.tmp)?$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function encode(places: PlaceTable, segmentBytes: number): readonly Uint8Array[] {
  const header = new ArrayBuffer(HEADER_BYTES);
  const columns = places.chunks();
  let checksum = 0;
  for (const column of columns) checksum = crc32(column, checksum);
  new Uint8Array(header).set(MAGIC);
  new Uint32Array(header, 8, 2).set([VERSION, places.count]);
  new Float64Array(header, 16, 3).set([places.firstSeq, segmentBytes, checksum]);
  return [new Uint8Array(header), ...columns];
}

function decode(bytes: Uint8Array, firstSeq: number, segmentBytes: number): PlaceTable | undefined {
  if (bytes.length < HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined;
  const memory = bytes.byteOffset === 0 ? bytes.buffer : Uint8Array.from(bytes).buffer;
  const [version, count = 0] = new Uint32Array(memory, 8, 2);
  const [first, size, checksum] = new Float64Array(memory, 16, 3);
  if (version !== VERSION || first !== firstSeq || size !== segmentBytes) return undefined;
  if (bytes.length !== HEADER_BYTES + count * PLACE_BYTES) return undefined;
  if (crc32(bytes.subarray(HEADER_BYTES)) !== checksum) return undefined;
  return new PlaceTable(firstSeq, columnsOver(memory, HEADER_BYTES, count));
}

/** Writes the index of a segment. It is not synced: a power cut may take it, and then it is made again. */
export async function writePlaces(
  fs: FileSystem,
  directory: string,
  segmentName: string,
  places: PlaceTable,
  segmentBytes: number,
): Promise<void> {
  const path = `${directory}/${placeFileName(segmentName)}`;
  await fs.unlink(`${path}.tmp`);
  const file = await fs.open(`${path}.tmp`, 'create');
  try {
    await file.append(encode(places, segmentBytes));
  } catch (error) {
    await fs.unlink(`${path}.tmp`).catch(() => undefined);
    throw error;
  } finally {
    await file.close().catch(() => undefined);
  }
  await fs.rename(`${path}.tmp`, path);
}

/** @returns undefined when there is no index that fits a segment of this size */
export async function readPlaces(
  fs: FileSystem,
  directory: string,
  segmentName: string,
  firstSeq: number,
  segmentBytes: number,
): Promise<PlaceTable | undefined> {
  const path = `${directory}/${placeFileName(segmentName)}`;
  try {
    const size = (await fs.stat(path))?.size;
    if (size === undefined) return undefined;
    const file = await fs.open(path, 'read');
    const bytes = await file.read(0, size).finally(() => file.close());
    return decode(bytes, firstSeq, segmentBytes);
  } catch {
    return undefined;
  }
}
