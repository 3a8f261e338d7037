/** Finds out which ordering keys an earlier process left with deferred rows: from its memory, its journal and the store. */
import { StorageError } from '../../core/errors.ts';
import type { Journal, JournalEntry } from '../../journal/journal.ts';
import type { Store } from '../../stores/store.ts';
import { placeOf } from '../job.ts';
import { listObjects } from '../sweep.ts';
import type { KeyBacklog, StoredKeys } from './key-backlog.ts';
import type { KeyMemory, RememberedKey } from './key-memory.ts';

export interface RecoverOptions {
  readonly chain: string;
  readonly store: Pick<Store, 'list' | 'get' | 'head'>;
  readonly journal: Pick<Journal, 'read' | 'checkpointed'>;
  /** The entries of an object. @throws StorageError when it is damaged */
  readonly decode: (bytes: Uint8Array) => Promise<readonly JournalEntry[]>;
  readonly memory: KeyMemory;
  readonly backlog: KeyBacklog;
  /** Keys that were closed by their memory alone; kept from one try to the next. */
  readonly held: Set<string>;
  readonly isStopped: () => boolean;
  /** Told when every closed key is closed in `backlog`; some that are open may still be closed there. */
  readonly onKnown: () => void;
}

const UNREADABLE: ReadonlySet<string> = new Set(['STORAGE_CORRUPT', 'STORAGE_NOT_FOUND']);
/** Bytes of the journal in memory at a time. */
const READ_BYTES = 8 * 1024 * 1024;

/** @throws StorageError when state file, journal or store cannot be read; it may be tried again */
export async function recoverKeys(options: RecoverOptions): Promise<void> {
  const { memory, backlog, held, onKnown, isStopped } = options;
  const remembered = await memory.load();
  for (const { key } of remembered ?? []) hold(key, held, backlog);
  await readJournal(options);
  if (remembered) onKnown();
  const open = await openObjects(options);
  if (isStopped()) return;
  const objects = remembered ? assignKeys(open, remembered) : await readKeys(open, options);
  if (isStopped()) return;
  if (!remembered) await memory.complete(objects.flatMap(keysOf));
  backlog.stored(objects);
  for (const key of held) backlog.givenUp(key);
  held.clear();
}

function hold(key: string, held: Set<string>, backlog: KeyBacklog): void {
  if (held.has(key)) return;
  held.add(key);
  backlog.begin(key);
}

async function readJournal({ journal, backlog, isStopped }: RecoverOptions): Promise<void> {
  for (let after = journal.checkpointed; !isStopped(); ) {
    const entries = await journal.read(after, READ_BYTES);
    for (const { purpose, orderingKey, seq } of entries)
      if (purpose === 'replay' && orderingKey !== undefined) backlog.foundInJournal(orderingKey, seq);
    const last = entries.at(-1);
    if (!last) return;
    after = last.seq;
  }
}

type Placed = Omit<StoredKeys, 'orderingKeys'>;

/** What is stored and not settled, in the order of its replay. */
async function openObjects({ store, chain, isStopped }: RecoverOptions): Promise<readonly Placed[]> {
  const open: Placed[] = [];
  for await (const { ref, settlement } of listObjects(store, chain)) {
    if (isStopped()) return [];
    const place = settlement ? undefined : placeOf(ref);
    if (place) open.push({ ref, lane: place.lane, order: place.order });
  }
  return open.sort((a, b) => a.order - b.order);
}

/** Each key to the last open object of its lane that can hold it; a key whose objects are all settled to none. */
function assignKeys(open: readonly Placed[], remembered: readonly RememberedKey[]): StoredKeys[] {
  const keysOfLane = Map.groupBy(remembered, ({ lane }) => lane);
  const objects: StoredKeys[] = [];
  for (const [lane, placed] of Map.groupBy(open, (object) => object.lane)) {
    const keys = (keysOfLane.get(lane) ?? []).toSorted((a, b) => a.order - b.order);
    let at = keys.findIndex(({ order }) => order >= (placed[0]?.order ?? 0));
    if (at < 0) at = keys.length;
    for (const [i, object] of placed.entries()) {
      const nextOrder = placed[i + 1]?.order ?? Number.POSITIVE_INFINITY;
      const orderingKeys: string[] = [];
      for (; at < keys.length && (keys[at] as RememberedKey).order < nextOrder; at += 1)
        orderingKeys.push((keys[at] as RememberedKey).key);
      objects.push({ ...object, orderingKeys });
    }
  }
  return objects;
}

/** Reads them one by one. An object that is damaged is not replayed and holds nobody up. */
async function readKeys(open: readonly Placed[], { store, decode, backlog, isStopped }: RecoverOptions) {
  const objects: StoredKeys[] = [];
  for (const object of open) {
    if (isStopped()) break;
    // Looked at before, when it was stored or by an earlier try.
    if (backlog.isWaiting(object.ref, object.lane)) continue;
    objects.push({ ...object, orderingKeys: await readObject(object.ref, store, decode) });
  }
  return objects;
}

async function readObject(
  ref: string,
  store: RecoverOptions['store'],
  decode: RecoverOptions['decode'],
): Promise<readonly string[]> {
  try {
    const entries = await decode(await store.get(ref));
    return [...new Set(entries.flatMap(({ orderingKey }) => orderingKey ?? []))];
  } catch (error) {
    if (error instanceof StorageError && UNREADABLE.has(error.code)) return [];
    throw error;
  }
}

function keysOf({ lane, order, orderingKeys }: StoredKeys): RememberedKey[] {
  return orderingKeys.map((key) => ({ key, lane, order }));
}
