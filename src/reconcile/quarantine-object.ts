/**
 * How quarantined rows rest in the store:
 *
 *     quarantine/chain=<chain>/<id>.json                      rows of one entry of one object, bodies in base64
 *     quarantine/chain=<chain>/<id>.released-<hex>.json       ids of rows in <id> that went back into replay
 *     quarantine/chain=<chain>/<id>.discarded-<hex>.json      ids of rows in <id> that were given up
 *
 * All names are deterministic, so that doing a thing twice stores it once.
 */
import { FORMATS, type Format, PRIORITIES, type Priority } from '../core/batch.ts';
import { StorageError } from '../core/errors.ts';
import { sha256 } from '../core/keys.ts';
import type { Store } from '../stores/store.ts';
import { chainSegment } from './job.ts';
import type { QuarantinedRow, QuarantineState, RowToQuarantine } from './quarantine.ts';

/** A row in an object; its state is in the markers. */
export type RestingRow = Omit<QuarantinedRow, 'state'>;

/** Rows of one entry that are stored together. */
export interface QuarantineObject {
  readonly key: string;
  readonly rows: readonly RestingRow[];
}

/** What became of some rows of an object. */
export interface QuarantineMarker {
  readonly object: string;
  readonly state: Exclude<QuarantineState, 'held'>;
  readonly ids: readonly string[];
}

type Shared = 'ref' | 'entry' | 'batchKey' | 'orderingKey' | 'priority' | 'format' | 'receivedAtMs' | 'trail';

interface StoredRow {
  readonly id: string;
  readonly row: number;
  readonly originalRow: number;
  readonly reason: string;
  readonly detail?: string;
  readonly attempts: number;
  readonly body: string;
}

interface StoredObject extends Pick<RowToQuarantine, Shared | 'attributes'> {
  readonly version: 1;
  readonly quarantinedAt: string;
  readonly rows: readonly StoredRow[];
}

const MARKER_NAME = /^(.*)\.(released|discarded)-[0-9a-f]{16}\.json$/;

export function quarantinePrefix(chain: string): string {
  return `quarantine/chain=${chainSegment(chain)}/`;
}

/** Identity of a quarantined row. */
export function rowId(ref: string, entry: number, row: number): string {
  return sha256(Buffer.from(JSON.stringify([ref, entry, row]))).slice(0, 32);
}

export function isMarkerKey(key: string): boolean {
  return MARKER_NAME.test(key);
}

/** @param rows of one entry, at least one */
export function encodeRows(
  chain: string,
  rows: readonly RowToQuarantine[],
  quarantinedAt: string,
): QuarantineObject & { readonly bytes: Uint8Array } {
  const resting = rows.map((row) => ({ ...row, id: rowId(row.ref, row.entry, row.row), quarantinedAt }));
  const id = sha256(Buffer.from(JSON.stringify(resting.map((row) => row.id)))).slice(0, 32);
  const bytes = Buffer.from(JSON.stringify(storedObject(resting, quarantinedAt)));
  return { key: `${quarantinePrefix(chain)}${id}.json`, rows: resting, bytes };
}

function storedObject(rows: readonly RestingRow[], quarantinedAt: string): Partial<StoredObject> {
  const [first] = rows;
  if (!first) return {};
  const { ref, entry, batchKey, orderingKey, priority, format, receivedAtMs, trail, attributes } = first;
  const shared = { ref, entry, batchKey, orderingKey, priority, format, receivedAtMs, trail, attributes };
  const stored = rows.map(({ id, row, originalRow, reason, detail, attempts, body }) => ({
    id,
    row,
    originalRow,
    reason,
    ...(detail === undefined ? {} : { detail }),
    attempts,
    body: Buffer.from(body).toString('base64'),
  }));
  return { version: 1, ...shared, quarantinedAt, rows: stored };
}

/** @throws StorageError `STORAGE_CORRUPT` when the bytes are not such an object */
export function decodeRows(key: string, bytes: Uint8Array): readonly RestingRow[] {
  const stored = parseJson(key, bytes) as StoredObject;
  if (!isStoredObject(stored)) throw corrupt(key, 'is not a quarantine object of version 1');
  const { version: _version, rows, ...shared } = stored;
  return rows.map((row) => ({
    ...shared,
    ...row,
    orderingKey: shared.orderingKey,
    detail: row.detail,
    body: Buffer.from(row.body, 'base64'),
  }));
}

function isStoredObject(value: Partial<StoredObject> | null): value is StoredObject {
  if (typeof value !== 'object' || value?.version !== 1 || !Array.isArray(value.rows)) return false;
  const { ref, entry, batchKey, format, priority, quarantinedAt, attributes } = value;
  const texts = [ref, batchKey, quarantinedAt].every((text) => typeof text === 'string');
  const words = FORMATS.includes(format as Format) && PRIORITIES.includes(priority as Priority);
  const rest = Number.isSafeInteger(entry) && typeof attributes === 'object' && attributes !== null;
  return texts && words && rest && value.rows.every((row) => isStoredRow(row, value as StoredObject));
}

function isStoredRow(row: Partial<StoredRow> | null, object: StoredObject): boolean {
  if (typeof row !== 'object' || row === null) return false;
  const counts = [row.row, row.originalRow, row.attempts].every((n) => Number.isSafeInteger(n));
  const texts = [row.reason, row.body].every((text) => typeof text === 'string');
  return counts && texts && row.id === rowId(object.ref, object.entry, row.row ?? -1);
}

/** The marker object for some rows of `object`. */
export function encodeMarker(marker: QuarantineMarker, at: string): { key: string; bytes: Uint8Array } {
  const ids = [...marker.ids].sort();
  const digest = sha256(Buffer.from(JSON.stringify(ids))).slice(0, 16);
  const key = `${marker.object.replace(/\.json$/, '')}.${marker.state}-${digest}.json`;
  return { key, bytes: Buffer.from(JSON.stringify({ version: 1, state: marker.state, at, ids })) };
}

/** @throws StorageError `STORAGE_CORRUPT` when the bytes are not a marker */
export function decodeMarker(key: string, bytes: Uint8Array): QuarantineMarker {
  const [, stem, state] = MARKER_NAME.exec(key) ?? [];
  const { ids } = (parseJson(key, bytes) ?? {}) as { ids?: unknown };
  const isList = Array.isArray(ids) && ids.every((id) => typeof id === 'string');
  if (!isList || (state !== 'released' && state !== 'discarded')) throw corrupt(key, 'is not a marker');
  return { object: `${stem}.json`, state, ids };
}

/** Everything a chain has in quarantine, by the store alone. */
export interface QuarantineContents {
  readonly objects: readonly QuarantineObject[];
  readonly stateById: ReadonlyMap<string, QuarantineState>;
  /** Keys that could not be read. */
  readonly damaged: readonly string[];
}

/**
 * Reads all of a chain's quarantine, without bodies. A row that is in two objects counts in the first.
 * @param found told each object and marker that could be read
 * @throws StorageError when the store cannot be read
 */
export async function readQuarantine(
  store: Pick<Store, 'list' | 'get'>,
  chain: string,
  found?: (key: string, bytes: Uint8Array) => Promise<unknown>,
): Promise<QuarantineContents> {
  const objects: QuarantineObject[] = [];
  const markers: QuarantineMarker[] = [];
  const damaged: string[] = [];
  const stateById = new Map<string, QuarantineState>();
  for await (const { key } of store.list(quarantinePrefix(chain))) {
    const bytes = await store.get(key);
    try {
      if (isMarkerKey(key)) markers.push(decodeMarker(key, bytes));
      else objects.push({ key, rows: newRows(decodeRows(key, bytes), stateById) });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      damaged.push(key);
      continue;
    }
    await found?.(key, bytes);
  }
  for (const { ids, state } of markers) {
    for (const id of ids) if (stateById.has(id)) stateById.set(id, state);
  }
  return { objects, stateById, damaged };
}

const NO_BYTES = new Uint8Array(0);

function newRows(rows: readonly RestingRow[], stateById: Map<string, QuarantineState>): RestingRow[] {
  const fresh = rows.filter((row) => !stateById.has(row.id));
  for (const { id } of fresh) stateById.set(id, 'held');
  return fresh.map((row) => ({ ...row, body: NO_BYTES }));
}

function parseJson(key: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw corrupt(key, 'is not JSON', error);
  }
}

function corrupt(key: string, what: string, cause?: unknown): StorageError {
  return new StorageError('STORAGE_CORRUPT', `${key} ${what}`, {
    hint: 'Restore it from a copy of the store; its rows count as unaccounted until then.',
    cause,
  });
}
