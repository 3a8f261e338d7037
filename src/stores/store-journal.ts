/**
 * The Journal port without a disk: entries that wait at the same time share one object, and each is acknowledged when
 * the store has confirmed it. What is not acknowledged is in this process alone, so a crash loses nothing that anybody
 * was promised.
 *
 *   append ──> waiting, by lane ──> [lane is free] ──> one object ──> put ──> announce ──> acknowledge
 *
 * S1 `append` resolves only after its object is durable in the store and `announce` has resolved: the queue has its job,
 * or the job is kept until the queue takes it, and the sweep finds an acknowledged object that is not announced yet. S2
 * no timer: a lane takes what waits when its put before has ended, so that whoever comes meanwhile shares the next one.
 * S3 one put at a time per lane, and a key has one lane, so that objects of a key are stored and announced in the order
 * of their seqs. S4 a put or an announcement that fails refuses exactly the entries of its object; they may be submitted
 * again. S5 seqs are taken when an object begins, from the wall clock in microseconds: they grow within this process, and
 * from one process to the next as long as nobody sets the clock back. S6 one object is encoded at a time, and the next
 * lane takes its entries when its put is on the way: objects encoded side by side would all be ready as late as the last
 * of them, and lanes in step with each other stay in step.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Priority } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { StorageError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import { toStorageError } from '../core/storage-fault.ts';
import type {
  Journal,
  JournalDepth,
  JournalEntry,
  PriorityDepth,
  Purpose,
  RawEntry,
} from '../journal/journal.ts';
import { laneOf, makeObject, type PackedObject, putObject } from './packed-object.ts';
import type { EncodeOptions } from './parquet.ts';
import type { Store } from './store.ts';

/** Puts under way at the same time. */
const LANES = 4;
const OBJECT_BYTES = 8 * 1024 * 1024;
/** Fewer are not worth an object of their own: a put takes as much of the event loop as two hundred entries. */
const SHARE_MIN = 256;
/** Unless they have so many bytes: large bodies take longer than a put, and are best compressed side by side. */
const SHARE_BYTES = 512 * 1024;
const MICROS_PER_MS = 1000;

export interface StoreJournalOptions {
  readonly store: Pick<Store, 'put' | 'name'>;
  readonly chain: string;
  readonly clock: Pick<Clock, 'wallNow'>;
  readonly emit: Emit;
  /** Puts at the same time, and parts that replay in parallel. @default 4 */
  readonly lanes?: number;
  /** Bytes of body in one object; one entry may exceed it. @default 8 MiB */
  readonly objectBytes?: number;
  /** Writer and seal of objects. @default the built-in writer, no seal */
  readonly encode?: EncodeOptions;
  /** Told of a replay object, which is durable, before it is announced. */
  readonly stored?: ((objects: readonly PackedObject[]) => Promise<void>) | undefined;
  /** Announces the job of a replay object, now or later. */
  announce(object: PackedObject): Promise<void>;
}

/** A journal whose entries are in the store once they are acknowledged; nothing is ever left to pack. */
export interface StoreJournal extends Journal {
  /** Resolves when everything that was appended before this call is acknowledged or refused. */
  settled(): Promise<void>;
}

interface Waiting {
  readonly identity: string;
  readonly entry: RawEntry;
  readonly acknowledge: (seq: number) => void;
  readonly refuse: (error: unknown) => void;
}

interface Lane {
  readonly number: number;
  readonly waiting: Waiting[];
  isBusy: boolean;
}

/** The open entries of one priority. */
class Held {
  rows = 0;
  bytes = 0;
  /** When each was received, oldest first. */
  readonly #receivedAtMs = new Map<string, number>();

  add(identity: string, { receivedAtMs, rowCount, body }: RawEntry): void {
    this.#receivedAtMs.set(identity, receivedAtMs);
    this.rows += rowCount;
    this.bytes += body.length;
  }

  remove(identity: string, { rowCount, body }: RawEntry): void {
    this.#receivedAtMs.delete(identity);
    this.rows -= rowCount;
    this.bytes -= body.length;
  }

  get depth(): PriorityDepth {
    const [oldestMs] = this.#receivedAtMs.values();
    return { entries: this.#receivedAtMs.size, rows: this.rows, bytes: this.bytes, oldestMs };
  }
}

class PackingJournal implements StoreJournal {
  readonly damage = [];
  readonly #options: StoreJournalOptions;
  readonly #objectBytes: number;
  readonly #lanes: readonly Lane[];
  /** Entries without an ordering key: whichever lane is free takes them. */
  readonly #unkeyed: Waiting[] = [];
  /** By identity, oldest first: what waits or is being put. */
  readonly #open = new Map<string, { readonly entry: RawEntry; readonly done: Promise<number> }>();
  readonly #held: Readonly<Record<Priority, Held>> = {
    critical: new Held(),
    normal: new Held(),
    low: new Held(),
  };
  #lastSeq = -1;
  #stored = -1;
  /** The lane that is asked first: they take turns, so that entries without a key spread. */
  #first = 0;
  #isAwake = false;
  /** The lane whose object is being encoded. */
  #making: Lane | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: StoreJournalOptions) {
    this.#options = options;
    this.#objectBytes = options.objectBytes ?? OBJECT_BYTES;
    const lanes = Math.max(1, options.lanes ?? LANES);
    this.#lanes = Array.from({ length: lanes }, (_, number) => ({ number, waiting: [], isBusy: false }));
  }

  get checkpointed(): number {
    return this.#stored;
  }

  get depth(): JournalDepth {
    const [oldest] = this.#open.values();
    const oldestMs = oldest?.entry.receivedAtMs;
    const { critical, normal, low } = this.#held;
    return {
      entries: this.#open.size,
      rows: critical.rows + normal.rows + low.rows,
      bytes: critical.bytes + normal.bytes + low.bytes,
      oldestMs,
      byPriority: { critical: critical.depth, normal: normal.depth, low: low.depth },
    };
  }

  append(entry: RawEntry): Promise<number> {
    if (this.#closing) return Promise.reject(closed(this.#options.store.name));
    const identity = identityOf(entry);
    const known = this.#open.get(identity);
    if (known) return known.done;
    const done = this.#wait(identity, entry);
    this.#open.set(identity, { entry, done });
    this.#held[entry.priority].add(identity, entry);
    this.#wake();
    return done;
  }

  /** What is acknowledged is the store's, and what is not is nobody's to read. */
  async read(): Promise<readonly JournalEntry[]> {
    return [];
  }

  async checkpoint(): Promise<void> {}

  async settled(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map(({ done }) => done));
  }

  close(): Promise<void> {
    this.#closing ??= this.settled();
    return this.#closing;
  }

  #wait(identity: string, entry: RawEntry): Promise<number> {
    return new Promise((acknowledge, refuse) => {
      const { orderingKey } = entry;
      const lane = orderingKey === undefined ? undefined : this.#lanes[laneOf(orderingKey, this.#lanes.length)];
      (lane?.waiting ?? this.#unkeyed).push({ identity, entry, acknowledge, refuse });
    });
  }

  #forget(identity: string, entry: RawEntry): void {
    this.#open.delete(identity);
    this.#held[entry.priority].remove(identity, entry);
  }

  /** A turn later: whoever was acknowledged just now submits again in this turn, and shares the object. */
  #wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    void nextTurn().then(() => {
      this.#isAwake = false;
      this.#startLane();
    });
  }

  /** S6 */
  #startLane(): void {
    if (this.#making) return;
    const count = this.#lanes.length;
    const inTurn = this.#lanes.map((_, i) => this.#lanes[(this.#first + i) % count]);
    const idle = inTurn.flatMap((lane) => (lane && !lane.isBusy ? [lane] : []));
    const lane = idle.find(({ waiting }) => waiting.length > 0 || this.#unkeyed.length > 0);
    if (!lane) return;
    this.#first = (lane.number + 1) % count;
    this.#making = lane;
    lane.isBusy = true;
    const share = Math.ceil(this.#unkeyed.length / idle.length);
    void this.#put(lane, this.#take(lane, share)).finally(() => {
      lane.isBusy = false;
      this.#made(lane);
      this.#wake();
    });
  }

  /** Lets the next lane begin; safe to call again. */
  #made(lane: Lane): void {
    if (this.#making !== lane) return;
    this.#making = undefined;
    this.#startLane();
  }

  /** The oldest entries of the lane, and its share of those without a key, up to the size of an object. */
  #take(lane: Lane, share: number): Waiting[] {
    const taken = takeBytes(lane.waiting, this.#objectBytes, () => false);
    const bytes = taken.reduce((sum, { entry }) => sum + entry.body.length, 0);
    const room = this.#objectBytes - bytes;
    if (room <= 0 || this.#unkeyed.length === 0) return taken;
    const isEnough = (count: number, own: number): boolean =>
      count >= share && (count >= SHARE_MIN || own >= SHARE_BYTES);
    return [...taken, ...takeBytes(this.#unkeyed, room, isEnough, taken.length === 0)];
  }

  async #put(lane: Lane, taken: readonly Waiting[]): Promise<void> {
    const numbered = taken.map((waiting) => ({
      ...waiting,
      entry: { ...waiting.entry, seq: this.#nextSeq() },
    }));
    const byPurpose = Map.groupBy(numbered, ({ entry }) => entry.purpose);
    await Promise.all([...byPurpose].map(([purpose, group]) => this.#putObject(lane, purpose, group)));
  }

  async #putObject(
    lane: Lane,
    purpose: Purpose,
    group: readonly (Waiting & { readonly entry: JournalEntry })[],
  ): Promise<void> {
    const { announce, stored } = this.#options;
    const entries = group.map(({ entry }) => entry);
    const [first] = entries;
    if (!first) return;
    try {
      const made = await makeObject({ purpose, lane: lane.number, first, entries }, this.#options);
      const put = putObject(made, this.#options);
      // A turn later the request has been signed and sent.
      void nextTurn().then(() => this.#made(lane));
      const object = await put;
      if (purpose === 'replay') {
        await stored?.([object]);
        await announce(object);
      }
    } catch (error) {
      const failure = this.#report(error);
      for (const { identity, entry, refuse } of group) {
        this.#forget(identity, entry);
        refuse(failure);
      }
      return;
    }
    for (const { identity, entry, acknowledge } of group) {
      this.#forget(identity, entry);
      this.#stored = Math.max(this.#stored, entry.seq);
      acknowledge(entry.seq);
    }
  }

  #report(error: unknown): StorageError {
    const { chain, emit, store } = this.#options;
    const failure = toStorageError(error, `store an object in ${store.name}`);
    emit('storageFailed', { chain, operation: 'store', code: failure.code, message: failure.message });
    return failure;
  }

  #nextSeq(): number {
    const now = Math.trunc(this.#options.clock.wallNow() * MICROS_PER_MS);
    this.#lastSeq = Math.max(this.#lastSeq + 1, now);
    return this.#lastSeq;
  }
}

/** Removes the first entries of `queue`, up to `bytesMax` or until they are enough by their number and bytes. */
function takeBytes(
  queue: Waiting[],
  bytesMax: number,
  isEnough: (count: number, bytes: number) => boolean,
  isOneAllowed = true,
): Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { entry } of queue) {
    const more = bytes + entry.body.length;
    if (isEnough(count, bytes) || (more > bytesMax && (count > 0 || !isOneAllowed))) break;
    bytes = more;
    count += 1;
  }
  return queue.splice(0, count);
}

function identityOf({ purpose, key, rows }: RawEntry): string {
  return `${purpose}:${key}:${rows?.join() ?? 'all'}`;
}

function closed(name: string): StorageError {
  return new StorageError('JOURNAL_CLOSED', `nothing is stored in ${name} any more: it is being closed`, {
    hint: 'Open it again; this entry was not accepted.',
  });
}

/** Opens nothing and holds nothing until the first append. */
export function storeJournal(options: StoreJournalOptions): StoreJournal {
  return new PackingJournal(options);
}
