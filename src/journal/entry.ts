/**
 * The bytes of one journal entry. All integers are little-endian.
 *
 *   0   4  magic 8A 54 46 45
 *   4   4  length: bytes after the CRC (seq, header length, header, payload)
 *   8   4  CRC32 over those bytes
 *  12   8  seq
 *  20   4  header length h
 *  24   h  header (entry-header.ts)
 *  24+h ·  payload: the body, untouched; of an encrypted entry details and body, encrypted, and the 16-byte tag
 */
import { crc32 } from 'node:zlib';
import { TAG_BYTES } from '../core/key-ring.ts';
import { type EntryOpener, openPayload } from './entry-cipher.ts';
import { type EntryDetails, type EntryFacts, readDetails, readFacts } from './entry-header.ts';
import type { JournalEntry } from './journal.ts';
import { crcSteps, type Steps } from './turns.ts';

export const ENTRY_MAGIC: Uint8Array = Uint8Array.of(0x8a, 0x54, 0x46, 0x45);
/** Bytes before the header. */
export const ENTRY_PREFIX_BYTES = 24;
export const CHECKED_FROM = 12;

/** The fixed part of an entry, as found on the medium: plausible, not yet verified. */
export interface EntryPrefix {
  readonly bytes: number;
  readonly crc: number;
  readonly seq: number;
  readonly headerBytes: number;
}

export function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @returns undefined when these bytes cannot start an entry */
export function readPrefix(bytes: Uint8Array): EntryPrefix | undefined {
  if (bytes.length < ENTRY_PREFIX_BYTES) return undefined;
  for (let i = 0; i < ENTRY_MAGIC.length; i += 1) if (bytes[i] !== ENTRY_MAGIC[i]) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, ENTRY_PREFIX_BYTES);
  const length = view.getUint32(4, true);
  const seq = view.getUint32(12, true) + view.getUint32(16, true) * 2 ** 32;
  const headerBytes = view.getUint32(20, true);
  if (headerBytes + CHECKED_FROM > length || !Number.isSafeInteger(seq)) return undefined;
  return { bytes: CHECKED_FROM + length, crc: view.getUint32(8, true), seq, headerBytes };
}

/** Whether the bytes of a whole entry are as they were written. */
export function isIntact(bytes: Uint8Array, prefix: EntryPrefix): boolean {
  return bytes.length === prefix.bytes && crc32(bytes.subarray(CHECKED_FROM)) === prefix.crc;
}

/** @returns undefined when the header is not one: bytes that fit the checksum but were never an entry */
export function factsOf(bytes: Uint8Array, prefix: EntryPrefix): EntryFacts | undefined {
  const end = ENTRY_PREFIX_BYTES + prefix.headerBytes;
  return readFacts(bufferOver(bytes).subarray(ENTRY_PREFIX_BYTES, end), prefix.bytes - end);
}

/** Bytes of the body of an entry. */
export function bodyBytesOf(prefix: EntryPrefix, facts: EntryFacts): number {
  const payload = prefix.bytes - ENTRY_PREFIX_BYTES - prefix.headerBytes;
  return facts.lockAt === undefined ? payload : payload - facts.detailsBytes - TAG_BYTES;
}

/**
 * The entry that some bytes hold; the body of one that is not encrypted is a view into them.
 * @returns undefined when they are not as they were written
 * @throws StorageError with code ENCRYPTION_KEY_MISSING
 */
export function* entrySteps(
  bytes: Uint8Array,
  prefix: EntryPrefix,
  opener: EntryOpener | undefined,
): Steps<JournalEntry | undefined> {
  if (bytes.length !== prefix.bytes) return undefined;
  if ((yield* crcSteps(bytes.subarray(CHECKED_FROM))) !== prefix.crc) return undefined;
  const facts = factsOf(bytes, prefix);
  if (facts === undefined) return undefined;
  const whole = bufferOver(bytes);
  const headerEnd = ENTRY_PREFIX_BYTES + prefix.headerBytes;
  const header = whole.subarray(ENTRY_PREFIX_BYTES, headerEnd);
  if (facts.lockAt === undefined) {
    return joined(prefix.seq, facts, readDetails(header, header, facts.detailsAt), bytes.subarray(headerEnd));
  }
  const lockAt = ENTRY_PREFIX_BYTES + facts.lockAt;
  const sealed = { bytes, seq: prefix.seq, checkedFrom: CHECKED_FROM, lockAt, headerEnd };
  const payload = yield* openPayload(sealed, opener);
  if (payload === undefined) return undefined;
  return joined(prefix.seq, facts, readDetails(header, payload, 0), payload.subarray(facts.detailsBytes));
}

function joined(seq: number, facts: EntryFacts, details: EntryDetails, body: Uint8Array): JournalEntry {
  const { purpose, key, priority, format, receivedAtMs, rowCount, rows } = facts;
  const { orderingKey, reason, attributes, trail, sha256 } = details;
  return {
    seq,
    purpose,
    key,
    orderingKey,
    priority,
    format,
    attributes,
    receivedAtMs,
    reason,
    trail,
    rowCount,
    rows,
    sha256,
    body,
  };
}
