/**
 * The object format: one Parquet file, one row per journal entry.
 *
 *   seq INT64 · purpose · key · ordering_key? · priority · format · attributes (JSON text) ·
 *   received_at TIMESTAMP(ms, UTC) · reason · trail (JSON text) · row_count INT64 · rows? (JSON text) ·
 *   sha256 · body BYTE_ARRAY
 *
 * P1 `body` is byte for byte what was received. P2 equal entries give equal files: no clock, no chance, sorted
 * attributes. P3 no statistics on `body`: they would write it again into the footer; those of other columns are in the
 * order of bytes, or left out. P4 what does not match its SHA-256 is never handed out. P5 the file carries its own
 * digest (object-digest.ts); it is checked before a Parquet library sees a single byte, because one flipped bit in a
 * length can keep a reader busy for hours. P6 a sealed body opens only in the row that it was sealed for. P7 the footer says
 * how many records there are, so that who has to know it need not decode them; what holds others is not handed out.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { FORMATS, type Format, PRIORITIES, type Priority } from '../core/batch.ts';
import { StorageError } from '../core/errors.ts';
import { missingKey } from '../core/key-ring.ts';
import { sha256InTurns } from '../core/keys.ts';
import type { JournalEntry, Purpose } from '../journal/journal.ts';
import { compress, decompress, PAGE_BYTES_MAX } from './parquet/compression.ts';
import { sortedByName } from './parquet/object-columns.ts';
import {
  checkDigest,
  corrupt,
  type EncodedObject,
  footerStart,
  SealedFile,
  TRAILER_BYTES,
} from './parquet/object-digest.ts';
import type { WriteObject } from './parquet/object-writer.ts';
import { writeObject } from './parquet/own-writer.ts';
import { factsOfEntry, factsOfRow } from './parquet/row-facts.ts';

export type { EncodedObject } from './parquet/object-digest.ts';
export type { WriteObject } from './parquet/object-writer.ts';

/** Keeps bodies from whoever can read the store. Everything else of an entry stays readable, its SHA-256 included. */
export interface BodySeal {
  /** Names the key to whoever opens the object; stands in the metadata of the file. */
  readonly keyId: string;
  /**
   * Bytes from which only the holder of the key gets `body` back; it is a zstd frame.
   * @param facts the rest of its row: what is sealed should be bound to it, so that it fits nowhere else
   */
  seal(body: Uint8Array, facts: Uint8Array): Uint8Array;
}

/**
 * The other direction.
 * @param facts as they were given to `seal`; undefined for objects of the time before bodies were bound to their rows
 * @throws when there is no such key, or the bytes are not what `seal` made
 */
export type OpenBody = (keyId: string, sealed: Uint8Array, facts: Uint8Array | undefined) => Uint8Array;

export interface EncodeOptions {
  /** @default the writer of this package */
  readonly write?: WriteObject;
  /** @default bodies are readable */
  readonly seal?: BodySeal;
}

/** Bodies that are hashed before others are let in. */
const BYTES_AT_ONCE = 2 * 1024 * 1024;
const ROWS_META = 'tierfall.rows';
export const PRIORITY_META = 'tierfall.priority';
const SEAL_META = 'tierfall.body-key';
/** How bodies are sealed. Not there: they are bound to nothing. 2: to the other columns of their row. */
const SEAL_VERSION_META = 'tierfall.body-seal';
const SEAL_VERSION = '2';

/**
 * Encodes entries as one Parquet file; large pages are compressed on other threads, and the event loop gets turns.
 * @param meta the file's key-value metadata
 */
export async function encodeObject(
  entries: readonly JournalEntry[],
  meta: Readonly<Record<string, string>>,
  { write = writeObject, seal }: EncodeOptions = {},
): Promise<EncodedObject> {
  const file = new SealedFile();
  const sealMeta = seal ? { [SEAL_META]: seal.keyId, [SEAL_VERSION_META]: SEAL_VERSION } : {};
  const rows = countRecords(entries);
  const rowsMeta = Number.isSafeInteger(rows) ? { [ROWS_META]: String(rows) } : {};
  const keyValues = Object.entries(sortedByName({ ...meta, ...rowsMeta, ...sealMeta }));
  const sealed = seal ? await sealBodies(entries, seal) : entries;
  const options = { keyValues, areBodiesSealed: seal !== undefined };
  return file.finish(await write(sealed, options, (bytes) => file.push(bytes)));
}

function countRecords(entries: readonly JournalEntry[]): number {
  return entries.reduce((sum, { rowCount }) => sum + rowCount, 0);
}

/** What is sealed does not shrink any more, so each body is compressed before. */
async function sealBodies(entries: readonly JournalEntry[], { seal }: BodySeal): Promise<JournalEntry[]> {
  const sealed: JournalEntry[] = [];
  for (const entry of entries) {
    const frame = await compress([entry.body]);
    sealed.push({ ...entry, body: seal(Buffer.concat(frame), factsOfEntry(entry)) });
  }
  return sealed;
}

function gunzip(page: Uint8Array, bytes: number): Uint8Array {
  if (bytes > PAGE_BYTES_MAX) throw new Error(`a page claims ${bytes} bytes, the limit is ${PAGE_BYTES_MAX}`);
  return bytes === 0 ? new Uint8Array(0) : gunzipSync(page, { maxOutputLength: bytes });
}

/** No object of ours is packed so, and the reader's own unpacking never ends on some bytes. */
function refuseSnappy(): never {
  throw new Error('a page is packed with Snappy');
}

function text(row: Readonly<Record<string, unknown>>, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw corrupt(`column ${name} holds ${typeof value}, expected text`);
  return value;
}

function whole(row: Readonly<Record<string, unknown>>, name: string): number {
  const value = Number(row[name]);
  if (!Number.isSafeInteger(value))
    throw corrupt(`column ${name} holds ${String(row[name])}, expected an integer`);
  return value;
}

function oneOf<T extends string>(row: Readonly<Record<string, unknown>>, name: string, known: readonly T[]): T {
  const value = text(row, name);
  const found = known.find((one) => one === value);
  if (found === undefined) throw corrupt(`column ${name} holds ${JSON.stringify(value)}`);
  return found;
}

function parse<T>(json: string, name: string, isValid: (value: unknown) => value is T): T {
  try {
    const value: unknown = JSON.parse(json);
    if (isValid(value)) return value;
  } catch (error) {
    throw corrupt(`column ${name} is not JSON`, error);
  }
  throw corrupt(`column ${name} holds JSON of another shape`);
}

function isAttributes(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => typeof one === 'string');
}

function isRows(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}

function toEntry(row: Readonly<Record<string, unknown>>): JournalEntry {
  const key = text(row, 'key');
  const body = row['body'];
  if (!(body instanceof Uint8Array)) throw corrupt(`the body of ${key} is not bytes`);
  const orderingKey = row['ordering_key'];
  const rows = row['rows'];
  return {
    seq: whole(row, 'seq'),
    purpose: oneOf<Purpose>(row, 'purpose', ['replay', 'heal']),
    key,
    orderingKey: typeof orderingKey === 'string' ? orderingKey : undefined,
    priority: oneOf<Priority>(row, 'priority', PRIORITIES),
    format: oneOf<Format>(row, 'format', FORMATS),
    attributes: parse(text(row, 'attributes'), 'attributes', isAttributes),
    receivedAtMs: whole(row, 'received_at'),
    reason: text(row, 'reason'),
    trail: text(row, 'trail'),
    rowCount: whole(row, 'row_count'),
    rows: typeof rows === 'string' ? parse(rows, 'rows', isRows) : undefined,
    sha256: text(row, 'sha256'),
    body,
  };
}

/** P4; others are let in between bodies, and within large ones. */
async function checkBodies(entries: readonly JournalEntry[]): Promise<void> {
  let bytes = 0;
  for (const { key, body, sha256: digest } of entries) {
    if ((await sha256InTurns([body])) !== digest)
      throw corrupt(`the body of ${key} does not match its SHA-256 ${digest}`);
    bytes += body.length;
    if (bytes < BYTES_AT_ONCE) continue;
    bytes = 0;
    await nextTurn();
  }
}

interface SealOfFile {
  readonly keyId: string;
  readonly version: string | undefined;
}

function openBodies(
  rows: readonly Record<string, unknown>[],
  { keyId, version }: SealOfFile,
  open: OpenBody | undefined,
): void {
  if (version !== undefined && version !== SEAL_VERSION) {
    throw new StorageError(
      'STORAGE_NEWER_FORMAT',
      `the bodies are sealed in the way ${JSON.stringify(version)}, this program knows up to ${SEAL_VERSION}`,
      { hint: 'Read this object with the newer version that wrote it; nothing was changed.' },
    );
  }
  if (!open)
    throw missingKey(`the bodies are sealed with the key ${JSON.stringify(keyId)}, and no key was given`);
  for (const row of rows) {
    const { body } = row;
    if (!(body instanceof Uint8Array)) continue;
    const facts = version === undefined ? undefined : factsOfRow(row);
    row['body'] = decompress(open(keyId, body, facts), PAGE_BYTES_MAX);
  }
}

interface Footer {
  readonly metadata: FileMetaData;
  readonly meta: ReadonlyMap<string, string | undefined>;
}

function readFooter(bytes: Uint8Array): Footer {
  const start = bytes.length < TRAILER_BYTES ? -1 : footerStart(bytes);
  if (start < 0) throw corrupt('the object has no footer');
  try {
    const metadata = parquetMetadata(new Uint8Array(bytes.subarray(start)).buffer);
    return { metadata, meta: new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value])) };
  } catch (error) {
    throw corrupt(`the object is not a readable Parquet file: ${String(error)}`, error);
  }
}

function toldRows({ meta }: Footer): number | undefined {
  const told = meta.get(ROWS_META);
  if (told === undefined) return undefined;
  const rows = Number(told);
  if (!/^\d+$/.test(told) || !Number.isSafeInteger(rows)) throw corrupt(`the object says ${told} records`);
  return rows;
}

/**
 * What the footer of an object tells of it.
 * @param bytes of which is known that they are what was stored
 * @throws StorageError `STORAGE_CORRUPT` when it has no footer, or that tells no number
 */
export function objectFacts(bytes: Uint8Array): ObjectFacts {
  const footer = readFooter(bytes);
  const priority = PRIORITIES.find((each) => each === footer.meta.get(PRIORITY_META)) ?? 'normal';
  return { rows: toldRows(footer), priority };
}

/** What an object says of itself. */
export interface ObjectFacts {
  /** Its records; undefined of objects that an earlier version made. */
  readonly rows: number | undefined;
  /** The highest of its records. */
  readonly priority: Priority;
}

/**
 * The entries of one object, in order; bodies are views.
 * @param open opens the bodies of an object that was sealed
 * @throws StorageError `STORAGE_CORRUPT` when it is not such an object, or a body does not match its SHA-256
 */
export async function decodeObject(bytes: Uint8Array, open?: OpenBody): Promise<readonly JournalEntry[]> {
  await checkDigest(bytes);
  const file = {
    byteLength: bytes.length,
    slice: (start: number, end?: number) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
  const footer = readFooter(bytes);
  const told = toldRows(footer);
  const keyId = footer.meta.get(SEAL_META);
  let rows: Record<string, unknown>[];
  try {
    rows = await parquetReadObjects({
      file,
      metadata: footer.metadata,
      utf8: false,
      compressors: { ZSTD: decompress, GZIP: gunzip, SNAPPY: refuseSnappy },
      parsers: { timestampFromMilliseconds: (millis) => millis },
    });
  } catch (error) {
    throw corrupt(`the object is not a readable Parquet file: ${String(error)}`, error);
  }
  if (keyId !== undefined) openBodies(rows, { keyId, version: footer.meta.get(SEAL_VERSION_META) }, open);
  const entries = rows.map(toEntry);
  const held = countRecords(entries);
  if (told !== undefined && told !== held) throw corrupt(`the object says ${told} records and holds ${held}`);
  await checkBodies(entries);
  return entries;
}
