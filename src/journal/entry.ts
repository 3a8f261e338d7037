/**
 * The bytes of one journal entry. All integers are little-endian.
 *
 *   0   4  magic 8A 54 46 45
 *   4   4  length: bytes after the CRC (seq, header length, header, body)
 *   8   4  CRC32 over those bytes
 *  12   8  seq
 *  20   4  header length h
 *  24   h  header: JSON, everything of the entry but seq and body
 *  24+h ·  body, untouched
 */
import { crc32 } from 'node:zlib';
import { FORMATS, type Format, PRIORITIES, type Priority } from '../core/batch.ts';
import { sha256 } from '../core/keys.ts';
import type { JournalEntry, Purpose, RawEntry } from './journal.ts';

export const ENTRY_MAGIC: Uint8Array = Uint8Array.of(0x8a, 0x54, 0x46, 0x45);
/** Bytes before the JSON header. */
export const ENTRY_PREFIX_BYTES = 24;
const CHECKED_FROM = 12;

/** What the JSON header holds. */
export interface EntryHeader {
  readonly purpose: Purpose;
  readonly key: string;
  readonly orderingKey?: string;
  readonly priority: Priority;
  readonly format: Format;
  readonly attributes: Readonly<Record<string, string>>;
  readonly receivedAtMs: number;
  readonly reason: string;
  readonly trail: string;
  readonly rowCount: number;
  readonly rows?: readonly number[];
  readonly sha256: string;
}

/** The fixed part of an entry, as found on the medium: plausible, not yet verified. */
export interface EntryPrefix {
  readonly bytes: number;
  readonly crc: number;
  readonly seq: number;
  readonly headerBytes: number;
}

/** An entry ready to be written but for its seq. */
export interface EncodedEntry {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  /** Size on the medium. */
  readonly bytes: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function headerOf(entry: RawEntry): EntryHeader {
  return {
    purpose: entry.purpose,
    key: entry.key,
    ...(entry.orderingKey !== undefined && { orderingKey: entry.orderingKey }),
    priority: entry.priority,
    format: entry.format,
    attributes: entry.attributes,
    receivedAtMs: entry.receivedAtMs,
    reason: entry.reason,
    trail: entry.trail,
    rowCount: entry.rowCount,
    ...(entry.rows !== undefined && { rows: entry.rows }),
    sha256: entry.sha256,
  };
}

/** Encodes all but seq and checksum; the body is referenced, not copied. */
export function encodeEntry(entry: RawEntry): EncodedEntry {
  const header = encoder.encode(JSON.stringify(headerOf(entry)));
  const head = new Uint8Array(ENTRY_PREFIX_BYTES + header.length);
  const view = viewOf(head);
  head.set(ENTRY_MAGIC);
  view.setUint32(4, head.length - CHECKED_FROM + entry.body.length, true);
  view.setUint32(20, header.length, true);
  head.set(header, ENTRY_PREFIX_BYTES);
  return { head, body: entry.body, bytes: head.length + entry.body.length };
}

/** Gives an encoded entry its place in the journal; the bytes are final afterwards. */
export function sealEntry(encoded: EncodedEntry, seq: number): void {
  const view = viewOf(encoded.head);
  view.setBigUint64(CHECKED_FROM, BigInt(seq), true);
  view.setUint32(8, crc32(encoded.body, crc32(encoded.head.subarray(CHECKED_FROM))), true);
}

/** @returns undefined when these bytes cannot start an entry */
export function readPrefix(bytes: Uint8Array): EntryPrefix | undefined {
  if (bytes.length < ENTRY_PREFIX_BYTES) return undefined;
  for (let i = 0; i < ENTRY_MAGIC.length; i += 1) if (bytes[i] !== ENTRY_MAGIC[i]) return undefined;
  const view = viewOf(bytes);
  const length = view.getUint32(4, true);
  const seq = Number(view.getBigUint64(CHECKED_FROM, true));
  const headerBytes = view.getUint32(20, true);
  if (headerBytes + CHECKED_FROM > length || !Number.isSafeInteger(seq)) return undefined;
  return { bytes: CHECKED_FROM + length, crc: view.getUint32(8, true), seq, headerBytes };
}

/** Whether the bytes of a whole entry are as they were written. */
export function isIntact(bytes: Uint8Array, prefix: EntryPrefix): boolean {
  return bytes.length === prefix.bytes && crc32(bytes.subarray(CHECKED_FROM)) === prefix.crc;
}

function isHeader(value: unknown): value is EntryHeader {
  if (typeof value !== 'object' || value === null) return false;
  const header = value as Partial<Record<keyof EntryHeader, unknown>>;
  return (
    (header.purpose === 'replay' || header.purpose === 'heal') &&
    typeof header.key === 'string' &&
    PRIORITIES.includes(header.priority as Priority) &&
    FORMATS.includes(header.format as Format) &&
    typeof header.attributes === 'object' &&
    typeof header.receivedAtMs === 'number' &&
    Number.isSafeInteger(header.rowCount) &&
    (header.rows === undefined || Array.isArray(header.rows))
  );
}

/** @returns undefined when the header is not one: bytes that fit the checksum but were never an entry */
export function readHeader(bytes: Uint8Array, prefix: EntryPrefix): EntryHeader | undefined {
  try {
    const json = bytes.subarray(ENTRY_PREFIX_BYTES, ENTRY_PREFIX_BYTES + prefix.headerBytes);
    const header: unknown = JSON.parse(decoder.decode(json));
    return isHeader(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

/** The entry that intact bytes hold; its body is a view into `bytes`. */
export function toEntry(bytes: Uint8Array, prefix: EntryPrefix, header: EntryHeader): JournalEntry {
  return {
    ...header,
    orderingKey: header.orderingKey,
    rows: header.rows,
    seq: prefix.seq,
    body: bytes.subarray(ENTRY_PREFIX_BYTES + prefix.headerBytes),
  };
}

/** What makes two entries the same to the journal: purpose, key and rows. */
export function entryIdentity(
  entry: Pick<EntryHeader, 'purpose' | 'key'> & { rows?: RawEntry['rows'] },
): string {
  const rows = entry.rows === undefined ? 'all' : sha256(encoder.encode(entry.rows.join())).slice(0, 32);
  return `${entry.purpose}:${entry.key}:${rows}`;
}
