/**
 * What was deferred, and what is known about it: store, queue, quarantine. Needs neither the journal nor the
 * sink, so a command can look at it while a writer and workers go on.
 */
import type { Clock, Random } from '../core/clock.ts';
import { StorageError } from '../core/errors.ts';
import type { EventBus } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { Metrics } from '../core/metrics.ts';
import type { RawEntry } from '../journal/journal.ts';
import { embeddedQueue } from '../reconcile/embedded-queue.ts';
import { jobOf } from '../reconcile/job.ts';
import { type ReconcileReport, reconcileReport } from '../reconcile/ledger.ts';
import type { Queue } from '../reconcile/queue.ts';
import { openStateDatabase } from '../reconcile/sqlite-database.ts';
import { type StoreQuarantine, storeQuarantine } from '../reconcile/store-quarantine.ts';
import { overflowStore } from '../stores/overflow-store.ts';
import { type PackedObject, packEntries } from '../stores/pack.ts';
import { decodeObject } from '../stores/parquet.ts';
import { stoppableStore } from '../stores/stoppable-store.ts';
import type { Store } from '../stores/store.ts';
import { dataDirectory } from './data-directory.ts';
import { once } from './once.ts';
import { keepToStore, openStore, type StoreLike } from './open-store.ts';

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
  /** Puts the job of a packed object into the queue; twice is once. */
  announce(object: PackedObject): Promise<void>;
  /** What became of everything that was deferred. */
  report(): Promise<ReconcileReport>;
  /** Ends everything that waits for the store, so that closing does not: what was not stored stays in the journal. */
  letGo(): void;
  /** Closes the store too. Safe to call twice. */
  close(): Promise<void>;
}

export interface BacklogOptions {
  readonly dir: string;
  readonly chain: string;
  /** @default the directory `objects` of `dir` */
  readonly store?: StoreLike | undefined;
  /** Where objects go that `store` refuses while there is pressure, and where they are looked for. @default nowhere */
  readonly overflow?: StoreLike | undefined;
  /** @default never: only the writer of the journal knows */
  readonly isPressed?: (() => boolean) | undefined;
}

function closing(dir: string): StorageError {
  return new StorageError(
    'STORAGE_CLOSING',
    `the pipeline of ${dir} is closing, and its store does not answer`,
    {
      hint: 'What was not stored stays in the journal; the next start stores it.',
      retryable: true,
    },
  );
}

/** @throws StorageError when the data directory cannot be used; ConfigError for a store that cannot be its */
export async function openBacklog(
  { dir, chain, ...options }: BacklogOptions,
  machine: Machine,
): Promise<Backlog> {
  const { clock, fs, bus } = machine;
  const paths = dataDirectory(dir);
  const first = openStore(options.store, paths, machine);
  const { overflow, isPressed = () => false } = options;
  const named =
    overflow === undefined
      ? first
      : overflowStore({ first, second: openStore(overflow, paths, machine), isPressed });
  const store = stoppableStore(named);
  const state = await openStateDatabase({ file: paths.state, fs });
  const queue = embeddedQueue({ state, clock, chain });
  const close = once(async () => {
    await queue.close();
    await state.close();
    await store.close?.();
  });
  const isIdle = async (): Promise<boolean> => {
    const { waiting, active, postponed } = await queue.depth();
    return waiting + active + postponed === 0;
  };
  try {
    await keepToStore(named, options.store, paths, fs, isIdle, first);
  } catch (error) {
    await close();
    throw error;
  }
  const announce = async ({ ref, lane, order, rows, sha256 }: PackedObject): Promise<void> => {
    const job = jobOf(chain, { ref, lane, order, rows, sha256 });
    if ((await queue.announce(job)) === 'added') bus.emit('jobAnnounced', { chain, job: job.id, ref, rows });
  };
  const defer = (entries: readonly RawEntry[]): Promise<void> =>
    packEntries(entries, { store, chain, emit: bus.emit, announce });
  return {
    chain,
    store,
    queue,
    quarantine: storeQuarantine({ store, chain, clock, index: state, defer }),
    announce,
    report: () => reconcileReport({ store, chain, decode: decodeObject }),
    letGo: () => store.stop(closing(dir)),
    close,
  };
}
