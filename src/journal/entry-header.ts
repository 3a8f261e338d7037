/**
 * The header of an entry: what is known of it beside its body. All integers are little-endian.
 *
 *    0   1  layout (2); `{` here is layout 1, where all of the header is JSON
 *    1   1  flags: 1 heal, 2 has an ordering key, 4 a part of the rows, 8 encrypted, 16 texts as JSON
 *    2   1  priority                 3   1  format
 *    4   4  row count                8   8  receivedAtMs, float
 *   16  16  key
 *   32   4  bytes of the ordering key, then of reason, attributes and trail (4 each)
 *   48   4  number of row indices n
 *   52  4n  row indices
 *    ·   ·  when encrypted: the lock (entry-cipher.ts)
 *
 * Then come the details: SHA-256 of the body (32), ordering key, reason, attributes as JSON (none when there are
 * none), trail. They end the header; when the entry is encrypted they are the first bytes of what is encrypted.
 */
import type { Format, Priority } from '../core/batch.ts';
import { FORMATS, PRIORITIES } from '../core/batch.ts';
import { keyIdOf } from '../core/key-ring.ts';
import { type Identity, isKeyItself } from './identity.ts';
import type { Purpose, RawEntry } from './journal.ts';

const LAYOUT = 2;
const JSON_START = 0x7b;
const HEAL = 1;
const ORDERED = 2;
const PARTIAL = 4;
export const ENCRYPTED = 8;
const ESCAPED = 16;
export const FIXED_BYTES = 52;
const SHA256_BYTES = 32;
/** A control character in an attribute: JSON makes `\\u0001` of it, and JSON in JSON one byte more. */
const CHARACTER_BYTES_MAX = 7;
/** Longer texts are encoded each time. */
const LAST_BYTES = 4096;
/** `Buffer.write` ends before a character that does not fit; with so many bytes left none was cut off. */
const UTF8_BYTES_MAX = 4;

const PRIORITY_CODES: Readonly<Record<Priority, number>> = { critical: 1, normal: 2, low: 3 };
const FORMAT_CODES: Readonly<Record<Format, number>> = {
  ndjson: 1,
  json: 2,
  csv: 3,
  'line-protocol': 4,
  'arrow-ipc': 5,
  opaque: 6,
};
const PRIORITY_BY_CODE = new Map(PRIORITIES.map((priority) => [PRIORITY_CODES[priority], priority]));
const FORMAT_BY_CODE = new Map(FORMATS.map((format) => [FORMAT_CODES[format], format]));

/** What can be read without the key of an encrypted entry: all that the index needs. */
export interface EntryFacts {
  readonly purpose: Purpose;
  readonly key: string;
  readonly priority: Priority;
  readonly format: Format;
  readonly receivedAtMs: number;
  readonly rowCount: number;
  readonly rows: readonly number[] | undefined;
  /** Where the lock starts in the header of an encrypted entry. */
  readonly lockAt: number | undefined;
  /** Of the key that the entry is encrypted under. */
  readonly keyId: string | undefined;
  /** Where the details start: in the header, or in the decrypted payload. */
  readonly detailsAt: number;
  readonly detailsBytes: number;
}

/** What is hidden when the entry is encrypted. */
export type EntryDetails = Pick<RawEntry, 'sha256' | 'orderingKey' | 'reason' | 'attributes' | 'trail'>;

function attributesText(attributes: Readonly<Record<string, string>>): string {
  for (const name in attributes) if (Object.hasOwn(attributes, name)) return JSON.stringify(attributes);
  return '';
}

/** No more bytes than these are needed for header and details. */
export function headerBytesMax(entry: RawEntry): number {
  const { orderingKey, reason, trail, rows, attributes } = entry;
  let texts = (orderingKey?.length ?? 0) + reason.length + trail.length;
  // Quotes, colon and comma of each attribute.
  for (const name in attributes) texts += name.length + (attributes[name]?.length ?? 0) + 6;
  return (
    FIXED_BYTES + SHA256_BYTES + texts * CHARACTER_BYTES_MAX + 8 + (rows === undefined ? 0 : rows.length * 4)
  );
}

/** Whether the format can hold the fields of fixed width; callers in plain JavaScript may give anything. */
export function hasFixedFields({ priority, format, rowCount, receivedAtMs, sha256 }: RawEntry): boolean {
  return (
    PRIORITY_CODES[priority] !== undefined &&
    FORMAT_CODES[format] !== undefined &&
    rowCount >= 0 &&
    rowCount < 2 ** 32 &&
    typeof receivedAtMs === 'number' &&
    sha256.length === SHA256_BYTES * 2
  );
}

/** What header and details take when all texts are ASCII, and no less otherwise. */
export function headerBytesMin({ orderingKey = '', reason, trail, rows = [] }: RawEntry): number {
  return FIXED_BYTES + SHA256_BYTES + orderingKey.length + reason.length + trail.length + rows.length * 4;
}

function flagsOf(entry: RawEntry): number {
  return (
    (entry.purpose === 'heal' ? HEAL : 0) +
    (entry.orderingKey === undefined ? 0 : ORDERED) +
    (entry.rows === undefined ? 0 : PARTIAL)
  );
}

function writeKey(into: Buffer, view: DataView, at: number, entry: RawEntry, identity: Identity): void {
  if (!isKeyItself(entry)) {
    into.write(entry.key, at, 'hex');
    return;
  }
  view.setInt32(at, identity.a);
  view.setInt32(at + 4, identity.b);
  view.setInt32(at + 8, identity.c);
  view.setInt32(at + 12, identity.d);
}

/** Writes the part that is never encrypted, but for the lengths of the details. @returns where it ends */
export function writeFacts(
  into: Buffer,
  view: DataView,
  at: number,
  entry: RawEntry,
  identity: Identity,
): number {
  into[at] = LAYOUT;
  into[at + 1] = flagsOf(entry);
  into[at + 2] = PRIORITY_CODES[entry.priority];
  into[at + 3] = FORMAT_CODES[entry.format];
  view.setUint32(at + 4, entry.rowCount, true);
  view.setFloat64(at + 8, entry.receivedAtMs, true);
  writeKey(into, view, at + 16, entry, identity);
  let end = at + FIXED_BYTES;
  view.setUint32(at + 48, entry.rows?.length ?? 0, true);
  for (const row of entry.rows ?? []) {
    view.setUint32(end, row, true);
    end += 4;
  }
  return end;
}

/** What was written last, when it was ASCII: in an outage most entries tell the same, so it is copied and not encoded. */
const last = { reason: '', attributes: '', trail: '', length: 0, bytes: Buffer.alloc(LAST_BYTES) };

/** Writes reason, attributes and trail. @returns their bytes; -1 when they are not ASCII, or may not fit */
function writeTexts(into: Buffer, start: number, reason: string, attributes: string, trail: string): number {
  if (start + reason.length + attributes.length + trail.length + UTF8_BYTES_MAX > into.length) return -1;
  if (reason === last.reason && trail === last.trail && attributes === last.attributes) {
    last.bytes.copy(into, start, 0, last.length);
    return last.length;
  }
  const texts = reason + attributes + trail;
  const bytes = into.write(texts, start, 'utf8');
  if (bytes !== texts.length) return -1;
  if (bytes <= LAST_BYTES) {
    into.copy(last.bytes, 0, start, start + bytes);
    last.reason = reason;
    last.attributes = attributes;
    last.trail = trail;
    last.length = bytes;
  }
  return bytes;
}

/**
 * Writes the details at `from`, and their lengths into the facts at `at`.
 * @returns where they end
 * @throws Error when they do not fit: what was cut off must not be acknowledged
 */
export function writeDetails(into: Buffer, from: number, view: DataView, at: number, entry: RawEntry): number {
  const { orderingKey = '', reason, trail } = entry;
  const attributes = attributesText(entry.attributes);
  if (into.write(entry.sha256, from, 'hex') !== SHA256_BYTES) throw new Error('sha256 is not 64 hex digits');
  const start = from + SHA256_BYTES;
  const keyBytes = orderingKey === '' ? 0 : into.write(orderingKey, start, 'utf8');
  const isPlain = keyBytes === orderingKey.length;
  const bytes = isPlain ? writeTexts(into, start + keyBytes, reason, attributes, trail) : -1;
  if (bytes < 0) return writeWideTexts(into, start, view, at, [orderingKey, reason, attributes, trail]);
  view.setUint32(at + 32, keyBytes, true);
  view.setUint32(at + 36, reason.length, true);
  view.setUint32(at + 40, attributes.length, true);
  view.setUint32(at + 44, trail.length, true);
  return start + keyBytes + bytes;
}

/** Texts beyond ASCII, one by one. Half of a surrogate pair has no UTF-8: then all of them are written as JSON. */
function writeWideTexts(
  into: Buffer,
  start: number,
  view: DataView,
  at: number,
  texts: readonly string[],
): number {
  const isEscaped = !texts.every((text) => text.isWellFormed());
  if (isEscaped) view.setUint8(at + 1, view.getUint8(at + 1) | ESCAPED);
  let end = start;
  for (const [i, text] of texts.entries()) {
    const written = isEscaped ? JSON.stringify(text) : text;
    const bytes = into.write(written, end, 'utf8');
    const needed = Buffer.byteLength(written);
    if (bytes !== needed) throw new Error(`a text takes ${needed} bytes, and there is room for ${bytes}`);
    view.setUint32(at + 32 + 4 * i, bytes, true);
    end += bytes;
  }
  return end;
}

/** @returns undefined when these bytes are no header of an entry with so many bytes of payload behind it */
export function readFacts(header: Buffer, payloadBytes: number): EntryFacts | undefined {
  if (header[0] === JSON_START) return readJsonHeader(header);
  if (header[0] !== LAYOUT || header.length < FIXED_BYTES) return undefined;
  const flags = header[1] ?? 0;
  const priority = PRIORITY_BY_CODE.get(header[2] ?? 0);
  const format = FORMAT_BY_CODE.get(header[3] ?? 0);
  const detailsBytes =
    SHA256_BYTES +
    header.readUInt32LE(32) +
    header.readUInt32LE(36) +
    header.readUInt32LE(40) +
    header.readUInt32LE(44);
  const end = FIXED_BYTES + header.readUInt32LE(48) * 4;
  const isEncrypted = (flags & ENCRYPTED) !== 0;
  const fits = isEncrypted
    ? end < header.length && detailsBytes <= payloadBytes
    : end + detailsBytes === header.length;
  if (priority === undefined || format === undefined || !fits) return undefined;
  return {
    purpose: (flags & HEAL) === 0 ? 'replay' : 'heal',
    key: header.toString('hex', 16, 32),
    priority,
    format,
    receivedAtMs: header.readDoubleLE(8),
    rowCount: header.readUInt32LE(4),
    rows: (flags & PARTIAL) === 0 ? undefined : readRows(header, end),
    lockAt: isEncrypted ? end : undefined,
    keyId: isEncrypted ? keyIdOf(header.subarray(end)) : undefined,
    detailsAt: isEncrypted ? 0 : end,
    detailsBytes,
  };
}

function readRows(header: Buffer, end: number): number[] {
  const rows: number[] = [];
  for (let at = FIXED_BYTES; at < end; at += 4) rows.push(header.readUInt32LE(at));
  return rows;
}

/** @param from the bytes that hold the details: the header, or the decrypted payload */
export function readDetails(header: Buffer, from: Buffer, detailsAt: number): EntryDetails {
  if (header[0] === JSON_START) return JSON.parse(header.toString('utf8')) as EntryDetails;
  const flags = header[1] ?? 0;
  let at = detailsAt + SHA256_BYTES;
  const next = (length: number): string => {
    const text = from.toString('utf8', at, at + length);
    at += length;
    return (flags & ESCAPED) === 0 ? text : (JSON.parse(text) as string);
  };
  const orderingKey = next(header.readUInt32LE(32));
  const reason = next(header.readUInt32LE(36));
  const attributes = next(header.readUInt32LE(40));
  const trail = next(header.readUInt32LE(44));
  return {
    sha256: from.toString('hex', detailsAt, detailsAt + SHA256_BYTES),
    orderingKey: (flags & ORDERED) === 0 ? undefined : orderingKey,
    reason,
    attributes: attributes === '' ? {} : (JSON.parse(attributes) as Readonly<Record<string, string>>),
    trail,
  };
}

function isJsonHeader(
  value: unknown,
): value is Omit<EntryFacts, 'lockAt' | 'keyId' | 'detailsAt' | 'detailsBytes'> {
  if (typeof value !== 'object' || value === null) return false;
  const header = value as Partial<Record<keyof RawEntry, unknown>>;
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

/** Layout 1, of segments of version 1. */
function readJsonHeader(header: Buffer): EntryFacts | undefined {
  try {
    const value: unknown = JSON.parse(header.toString('utf8'));
    if (!isJsonHeader(value)) return undefined;
    const { purpose, key, priority, format, receivedAtMs, rowCount, rows } = value;
    const facts = { purpose, key, priority, format, receivedAtMs, rowCount, rows };
    return { ...facts, lockAt: undefined, keyId: undefined, detailsAt: 0, detailsBytes: 0 };
  } catch {
    return undefined;
  }
}
