/**
 * A segment: one append-only file of the journal, named by the seq of its first entry.
 *
 *   NNNNNNNNNNNNNNNN.seg   16 decimal digits
 *
 *   0   8  magic 89 54 46 53 45 47 0D 0A
 *   8   4  version, little-endian
 *  12   8  creation, milliseconds since 1970, little-endian
 *  20   4  CRC32 over bytes 0..20
 *  24   ·  entries, one after the other (see entry.ts); their seqs follow each other without a gap
 *
 * Every later version keeps these 24 bytes, so that an older program knows what it must not touch.
 */
import { crc32 } from 'node:zlib';
import type { FileSystem, OpenFile } from '../core/file-system.ts';

const MAGIC = Uint8Array.of(0x89, 0x54, 0x46, 0x53, 0x45, 0x47, 0x0d, 0x0a);
/** Version 1 knew only headers in JSON. */
export const SEGMENT_VERSION = 2;
export const SEGMENT_HEADER_BYTES = 24;
const CRC_AT = 20;
const NAME = /^(\d{16})\.seg$/;

export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, '0')}.seg`;
}

/** @returns undefined when the name is not a segment's */
export function firstSeqOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function segmentHeader(createdMs: number): Uint8Array {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(header.buffer);
  header.set(MAGIC);
  view.setUint32(8, SEGMENT_VERSION, true);
  view.setBigUint64(12, BigInt(Math.max(0, Math.trunc(createdMs))), true);
  view.setUint32(CRC_AT, crc32(header.subarray(0, CRC_AT)), true);
  return header;
}

/** The format version of a segment, or undefined when its header is damaged. */
export function segmentVersion(header: Uint8Array): number | undefined {
  if (header.length < SEGMENT_HEADER_BYTES || MAGIC.some((byte, i) => header[i] !== byte)) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  return view.getUint32(CRC_AT, true) === crc32(header.subarray(0, CRC_AT))
    ? view.getUint32(8, true)
    : undefined;
}

/** The version that the head of a segment on the disk says. @returns undefined when the head is damaged */
export async function readSegmentVersion(fs: FileSystem, path: string): Promise<number | undefined> {
  const file = await fs.open(path, 'read');
  try {
    return segmentVersion(await file.read(0, SEGMENT_HEADER_BYTES));
  } finally {
    await file.close();
  }
}

/** A segment that was created; it is durable once its file is synced and `named` has resolved. */
export interface CreatedSegment {
  readonly file: OpenFile;
  /** Resolves when the name is on the medium. */
  readonly named: Promise<void>;
}

/**
 * Creates a segment with its header. Its name becomes durable while the first entries are written, so that a new
 * segment costs about one sync and not three. A file whose header could not be written is removed.
 */
export async function createSegment(
  fs: FileSystem,
  directory: string,
  firstSeq: number,
  createdMs: number,
): Promise<CreatedSegment> {
  const path = `${directory}/${segmentName(firstSeq)}`;
  const file = await fs.open(path, 'create');
  try {
    await file.append([segmentHeader(createdMs)]);
  } catch (error) {
    await file.close().catch(() => undefined);
    await fs.unlink(path).catch(() => undefined);
    throw error;
  }
  const named = fs.syncDirectory(directory);
  // Whoever waits for it is told; nobody may be waiting yet.
  named.catch(() => undefined);
  return { file, named };
}
