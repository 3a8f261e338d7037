/**
 * What was deferred, and what is known about it: store, queue, quarantine. Needs neither the journal nor the
 * sink, so a command can look at it while a writer and workers go on.
 */
import type { Clock, Random } from '../core/clock.ts';
import type { EventBus } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { KeyRing } from '../core/key-ring.ts';
import type { Metrics } from '../core/metrics.ts';
import type { JournalEntry, RawEntry } from '../journal/journal.ts';
import { Announcer } from '../reconcile/announcer.ts';
import { type KeyMemory, keyMemory, noKeyMemory } from '../reconcile/fence/key-memory.ts';
import { jobOf } from '../reconcile/job.ts';
import { type ReconcileReport, reconcileReport } from '../reconcile/ledger.ts';
import { quarantinePrefix } from '../reconcile/quarantine-object.ts';
import type { Queue } from '../reconcile/queue.ts';
import { openStateDatabase } from '../reconcile/sqlite-database.ts';
import { type StoreQuarantine, storeQuarantine } from '../reconcile/store-quarantine.ts';
import { type PackedObject, packEntries } from '../stores/pack.ts';
import {
  decodeObject,
  type EncodeOptions,
  type ObjectFacts,
  type OpenBody,
  objectFacts,
} from '../stores/parquet.ts';
import { sealedStore } from '../stores/sealed-store.ts';
import type { Store } from '../stores/store.ts';
import { dataDirectory } from './data-directory.ts';
import { isIdle } from './former-store.ts';
import { once } from './once.ts';
import { openQueue, type QueueLike } from './open-queue.ts';
import { keepToStore, type OpenedStores, openStores, type StoreLike } from './open-store.ts';

/** Ports that everything in an assembly shares. */
export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly fs: FileSystem;
  readonly metrics: Metrics;
  readonly bus: EventBus;
}

export interface Backlog {
  readonly chain: string;
  readonly store: Store;
  readonly queue: Queue;
  readonly quarantine: StoreQuarantine;
  /** Which ordering keys the open objects hold. */
  readonly keyMemory: KeyMemory;
  /** Remembers what objects hold that are about to be announced. */
  stored(objects: readonly PackedObject[]): Promise<void>;
  /** Puts the job of a stored object into the queue, or keeps it until the queue takes it; twice is once. */
  announce(object: PackedObject): Promise<void>;
  /** The entries of an object, opened. */
  decode(bytes: Uint8Array): Promise<readonly JournalEntry[]>;
  /** Its records as it says itself, when it does. @throws StorageError */
  factsOf(bytes: Uint8Array): ObjectFacts;
  /** What became of everything that was deferred; with `heals`, of everything that was degraded as well. */
  report(options?: ReportOptions): Promise<ReconcileReport>;
  /** Ends everything that waits for the store, so that closing does not: what was not stored stays in the journal. */
  letGo(): void;
  /** Closes the store too. Safe to call twice. */
  close(): Promise<void>;
}

export interface ReportOptions {
  /** Counts degraded rows too; reads whole objects that nobody has tried to heal yet. @default false */
  readonly heals?: boolean;
}

export interface BacklogOptions {
  readonly dir: string;
  readonly chain: string;
  /** @default the directory `objects` of `dir` */
  readonly store?: StoreLike | undefined;
  /** Where objects go that `store` refuses while there is pressure, and where they are looked for. @default nowhere */
  readonly overflow?: StoreLike | undefined;
  /** The same two, opened by somebody who needs them before; closed with the backlog. */
  readonly stores?: OpenedStores | undefined;
  /** Writer and seal of objects. @default the built-in writer, no seal */
  readonly encode?: EncodeOptions | undefined;
  /** Opens the bodies of sealed objects. */
  readonly open?: OpenBody | undefined;
  /** Under which the quarantine is kept. @default it is readable */
  readonly keys?: KeyRing | undefined;
  /** Where jobs wait. @default the data directory, for workers on this machine */
  readonly queue?: QueueLike | undefined;
  /** Whether a power cut may take an announcement, which a sweep makes again. @default false */
  readonly areAnnouncementsHints?: boolean | undefined;
}

/** @throws StorageError when the data directory cannot be used; ConfigError for a store that cannot be its */
export async function openBacklog(
  { dir, chain, ...options }: BacklogOptions,
  machine: Machine,
): Promise<Backlog> {
  const { clock, random, fs, metrics, bus } = machine;
  const paths = dataDirectory(dir);
  const { encode = {}, open, keys, areAnnouncementsHints = false } = options;
  const stores = options.stores ?? openStores(options, paths, machine);
  const store = keys ? sealedStore(stores.store, quarantinePrefix(chain), keys) : stores.store;
  const decode = (bytes: Uint8Array): Promise<readonly JournalEntry[]> => decodeObject(bytes, open);
  const state = await openStateDatabase({ file: paths.state, fs });
  const { emit } = bus;
  const ports = { state, clock, chain, areAnnouncementsHints, emit };
  const about = stores.narrowLabel ?? paths.objects;
  const queue = await orClose(() => openQueue(options.queue, { ...ports, store: about }), state, store);
  const announcer = new Announcer({ queue, chain, clock, random, fs, directory: paths.root, emit, metrics });
  const close = once(async () => {
    await announcer.close();
    await queue.close();
    await state.close();
    await store.close?.();
  });
  try {
    await keepToStore(stores, paths, fs, (former) => isIdle(former, options.queue, { ...ports, fs, paths }));
  } catch (error) {
    await close();
    throw error;
  }
  // A memory that a power cut may take parts of would be believed to be whole.
  const memory = areAnnouncementsHints ? noKeyMemory() : keyMemory(state, chain);
  const announce = (object: PackedObject): Promise<void> => announcer.announce(jobOf(chain, object));
  const defer = (entries: readonly RawEntry[]): Promise<void> =>
    packEntries(entries, { store, chain, emit, announce, encode });
  return {
    chain,
    store,
    queue,
    quarantine: storeQuarantine({ store, chain, clock, index: state, defer }),
    keyMemory: memory,
    stored: (objects) => memory.remember(objects),
    announce,
    decode,
    factsOf: objectFacts,
    report: (report = {}) => reconcileReport({ store, chain, decode, ...report }),
    letGo: () => stores.letGo(),
    close,
  };
}

/** What `open` returns; closes these when it throws. */
async function orClose<T>(open: () => T, ...held: readonly { close?(): Promise<void> }[]): Promise<T> {
  try {
    return open();
  } catch (error) {
    for (const one of held) await one.close?.();
    throw error;
  }
}
