/**
 * Turns journal entries into objects of the store: one object per purpose and lane.
 *
 *   [heal/]chain=<chain>/date=YYYY-MM-DD/hour=HH/part=<lane>/<first seq, 16 digits>-<sha256, first 32 hex>.parquet
 *
 * K1 the same entries give the same keys and bytes, so storing them again changes nothing. K2 entries of one
 * ordering key are in one lane, in the order of their seqs, within an object and from object to object. K3 entries
 * without one stay together, in the lane of the first of them: they make one large object instead of one per lane,
 * and the next ones are likely to be in another lane, so that they replay in parallel all the same. Those that are `critical` or
 * `low` stay together by class, so that a critical one has no load of others to wait for.
 */
import { crc32 } from 'node:zlib';
import { highestPriority, type Priority } from '../core/batch.ts';
import type { Emit } from '../core/events.ts';
import type { JournalEntry, Purpose, RawEntry } from '../journal/journal.ts';
import { type EncodeOptions, encodeObject, PRIORITY_META } from './parquet.ts';
import type { Store } from './store.ts';

/** @default of every option named `lanes` */
export const LANES = 16;
/** Objects that are encoded and put at the same time. */
const IN_FLIGHT_MAX = 4;
/** The last millisecond of the year 9999: later times have no YYYY-MM-DD. */
const TIME_MAX_MS = 253_402_300_799_999;

/** An object that the store has. */
export interface PackedObject {
  /** Its key in the store. */
  readonly ref: string;
  readonly lane: number;
  /** Seq of its first entry. */
  readonly order: number;
  /** Records in all its entries. */
  readonly rows: number;
  /** Entries. */
  readonly batches: number;
  readonly bytes: number;
  /** Of the whole file, 64 hex digits. */
  readonly sha256: string;
  readonly purpose: Purpose;
  /** Ordering keys of its entries, each once. */
  readonly orderingKeys: readonly string[];
  /** The highest of its entries. */
  readonly priority: Priority;
}

/** The lane of an ordering key: stable, so that one key stays in one lane. */
export function laneOf(key: string, lanes: number): number {
  return crc32(key) % lanes;
}

/** Entries that make one object, ascending by seq. */
export interface Group {
  readonly purpose: Purpose;
  readonly lane: number;
  readonly first: JournalEntry;
  readonly entries: readonly JournalEntry[];
}

function groupEntries(entries: readonly JournalEntry[], lanes: number): Group[] {
  const groups = new Map<string, Group & { readonly entries: JournalEntry[] }>();
  const unkeyed = new Map<string, number>();
  for (const entry of entries) {
    const { purpose, orderingKey, priority } = entry;
    const ofClass = orderingKey === undefined && priority !== 'normal' ? `${purpose}:${priority}` : purpose;
    let lane = orderingKey === undefined ? unkeyed.get(ofClass) : laneOf(orderingKey, lanes);
    lane ??= laneOf(entry.key, lanes);
    if (orderingKey === undefined) unkeyed.set(ofClass, lane);
    const name = `${ofClass}:${lane}`;
    const group = groups.get(name);
    if (group) group.entries.push(entry);
    else groups.set(name, { purpose, lane, first: entry, entries: [entry] });
  }
  return [...groups.values()];
}

function objectKey(chain: string, { purpose, lane, first }: Group, digest: string): string {
  const time = new Date(Math.min(Math.max(first.receivedAtMs, 0), TIME_MAX_MS)).toISOString();
  return [
    ...(purpose === 'heal' ? ['heal'] : []),
    `chain=${chain.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`,
    `date=${time.slice(0, 10)}`,
    `hour=${time.slice(11, 13)}`,
    `part=${String(lane).padStart(2, '0')}`,
    `${String(first.seq).padStart(16, '0')}-${digest.slice(0, 32)}.parquet`,
  ].join('/');
}

export interface StoreEntriesOptions {
  readonly store: Pick<Store, 'put'>;
  readonly chain: string;
  readonly lanes: number;
  readonly emit: Emit;
  /** Writer and seal of objects. */
  readonly encode?: EncodeOptions;
}

/** An object on its way into the store. */
export interface MadeObject {
  readonly object: PackedObject;
  readonly chunks: readonly Uint8Array[];
}

/** Encodes one object and names it. */
export async function makeObject(
  group: Group,
  { chain, encode }: Pick<StoreEntriesOptions, 'chain' | 'encode'>,
): Promise<MadeObject> {
  const { purpose, lane, first, entries } = group;
  const priority = highestPriority(entries.map((entry) => entry.priority));
  const meta = {
    'tierfall.chain': chain,
    'tierfall.purpose': purpose,
    'tierfall.lane': String(lane),
    ...(priority === 'normal' ? {} : { [PRIORITY_META]: priority }),
  };
  const { chunks, sha256, bytes } = await encodeObject(entries, meta, encode);
  const ref = objectKey(chain, group, sha256);
  const rows = entries.reduce((sum, entry) => sum + entry.rowCount, 0);
  const orderingKeys = [...new Set(entries.flatMap(({ orderingKey }) => orderingKey ?? []))];
  const object = { ref, lane, order: first.seq, rows, batches: entries.length, bytes, sha256, purpose };
  return { object: { ...object, orderingKeys, priority }, chunks };
}

/** Stores what was made; it is durable when this resolves. */
export async function putObject(
  { object, chunks }: MadeObject,
  { store, chain, emit }: Pick<StoreEntriesOptions, 'store' | 'chain' | 'emit'>,
): Promise<PackedObject> {
  const { ref, sha256, rows, bytes } = object;
  if ((await store.put(ref, chunks, { sha256 })) === 'created')
    emit('objectStored', { chain, ref, rows, bytes });
  return object;
}

async function storeGroup(group: Group, options: StoreEntriesOptions): Promise<PackedObject> {
  return putObject(await makeObject(group, options), options);
}

/**
 * Stores entries, ascending by seq; every object is durable when this resolves.
 * @throws the first failure, after the puts that were under way have ended
 */
export async function storeEntries(
  entries: readonly JournalEntry[],
  options: StoreEntriesOptions,
): Promise<readonly PackedObject[]> {
  const groups = groupEntries(entries, options.lanes);
  const objects: PackedObject[] = [];
  for (let at = 0; at < groups.length; at += IN_FLIGHT_MAX) {
    const some = groups.slice(at, at + IN_FLIGHT_MAX).map((group) => storeGroup(group, options));
    for (const result of await Promise.allSettled(some)) {
      if (result.status === 'rejected') throw result.reason;
      objects.push(result.value);
    }
  }
  return objects;
}

export interface PackEntriesOptions {
  readonly store: Pick<Store, 'put'>;
  readonly chain: string;
  readonly emit: Emit;
  /** @default 16 */
  readonly lanes?: number;
  /** Writer and seal of objects. */
  readonly encode?: EncodeOptions;
  /** Called per replay object, once it is durable. */
  announce(object: PackedObject): Promise<void>;
}

/**
 * Stores rows that are in no journal, such as rows released from quarantine: durable first, announced second.
 * They take the positions 0, 1, … and so the head of their lanes: they are older than anything that waits.
 * Calling it again with the same entries changes nothing.
 */
export async function packEntries(entries: readonly RawEntry[], options: PackEntriesOptions): Promise<void> {
  const { store, chain, emit, lanes = LANES, encode = {} } = options;
  const numbered = entries.map((entry, seq) => ({ ...entry, seq }));
  const objects = await storeEntries(numbered, { store, chain, lanes, emit, encode });
  for (const object of objects) if (object.purpose === 'replay') await options.announce(object);
}
