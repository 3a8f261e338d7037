/**
 * Group commit without a timer: whoever waits shares the next fdatasync. A group is encoded and written while the
 * group before it is synced.
 *
 * G1 a promise resolves only after the fdatasync that covers its entry, and the fsync that covers its segment's name. G2 entries reach the medium in the order
 * of `append`. G3 after a failed write or sync the segment is never written or synced again: the page cache may
 * claim bytes that the disk does not have, so neither a second sync nor a later write could be trusted. A group
 * that was written behind one whose sync failed fails with it.
 * G4 seqs of a failed group are not used again, because its entries may be readable later.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { StorageError } from '../core/errors.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { ENTRY_PREFIX_BYTES } from './entry.ts';
import { headerBytesMin } from './entry-header.ts';
import { GroupBuffer } from './group-buffer.ts';
import type { ActiveSegment, Committed, GroupWriterOptions } from './group-options.ts';
import { GroupPace } from './group-pace.ts';
import type { Identity } from './identity.ts';
import type { RawEntry } from './journal.ts';
import { PendingTable } from './pending-table.ts';
import { SEGMENT_HEADER_BYTES } from './segment-file.ts';

/** Entries per group: so many are encoded without a turn for others. */
const GROUP_ENTRIES_MAX = 2048;

/** An entry that waits for its fdatasync; its place is known once it was encoded and written. */
interface Waiting extends Committed {
  readonly durable: Promise<number>;
  /** Looks for the same entry in the journal; undefined when there surely is none. */
  check: Promise<void> | undefined;
  known: number | undefined;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: StorageError) => void;
  seq: number;
  offset: number;
  bytes: number;
}

/** Entries that were written with one call. */
interface Written {
  readonly group: readonly Waiting[];
  readonly active: ActiveSegment;
  readonly offset: number;
}

export class GroupWriter {
  readonly #options: GroupWriterOptions;
  readonly #pace: GroupPace;
  readonly #buffer = new GroupBuffer();
  readonly #pending = new PendingTable<Waiting>();
  #waiting: Waiting[] = [];
  /** So many of those who wait were looked for. */
  #lookedUp = 0;
  #waitingBytes = 0;
  #active: ActiveSegment | undefined;
  /** Bytes in the active segment, acknowledged or not. */
  #size = 0;
  #nextSeq: number;
  #pump: Promise<void> | undefined;
  /** Ends when groups may be written again; undefined when they may. */
  #held: Promise<void> | undefined;
  /** Ends when the group that is being written has ended, however it did. */
  #committing: Promise<void> = Promise.resolve();
  /** Ends when the sync that is under way has ended, however it did. */
  #syncing: Promise<void> | undefined;
  #syncingEntries = 0;
  /** Written, and synced as soon as the sync that is under way has ended. */
  #next: Written | undefined;
  /** When a sync ended, until the next group is taken: telling its submitters is work between two syncs, too. */
  #workStartedMs: number | undefined;
  /** Acknowledged, and not yet handed to the index. */
  readonly #unindexed: Written[] = [];

  /** Of the promise that was made last: one function takes them for all, instead of one per append. */
  #resolve: (seq: number) => void = () => undefined;
  #reject: (error: StorageError) => void = () => undefined;
  readonly #settle = (resolve: (seq: number) => void, reject: (error: StorageError) => void): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };

  constructor(options: GroupWriterOptions) {
    this.#options = options;
    this.#pace = new GroupPace(options.clock);
    this.#nextSeq = options.nextSeq;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** The promise of an equal entry that waits for its fdatasync. */
  pending(identity: Identity): Promise<number> | undefined {
    return this.#pending.find(identity)?.durable;
  }

  /** Only for an entry that is not pending. */
  write(entry: RawEntry, { a, b, c, d }: Identity): Promise<number> {
    const durable = new Promise<number>(this.#settle);
    const waiting: Waiting = {
      entry,
      durable,
      a,
      b,
      c,
      d,
      check: undefined,
      known: undefined,
      resolve: this.#resolve,
      reject: this.#reject,
      seq: -1,
      offset: -1,
      bytes: 0,
    };
    this.#pending.add(waiting);
    this.#waiting.push(waiting);
    this.#waitingBytes += entry.body.length;
    this.#pump ??= this.#run();
    return durable;
  }

  /** Hands over what is acknowledged and was not handed over yet. Costs nothing when there is nothing. */
  flushIndex(): void {
    for (let done = this.#unindexed.shift(); done !== undefined; done = this.#unindexed.shift()) {
      const { segment } = done.active;
      let { offset } = done;
      for (const waiting of done.group) {
        waiting.offset = offset;
        this.#options.committed(segment, waiting);
        this.#pending.delete(waiting);
        offset += waiting.bytes;
      }
    }
  }

  /**
   * Lets no group be written while `work` runs, which begins when nothing is being written; entries wait meanwhile. One at a
   * time.
   */
  async holdWhile<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    try {
      await this.#committing;
      await this.#syncing;
      return await work();
    } finally {
      this.#held = undefined;
      resolve();
    }
  }

  /** Waits for what was written and closes the segment. */
  async close(): Promise<void> {
    await this.#pump;
    await this.#seal(this.#size);
  }

  async #check(waiting: Waiting, duplicate: Promise<number | undefined>): Promise<void> {
    waiting.known = await duplicate;
    waiting.check = undefined;
  }

  /** Looks for entries like those of the next group, all of them before the first is encoded. */
  #lookUp(): void {
    const waiting = this.#waiting;
    const end = Math.min(waiting.length, GROUP_ENTRIES_MAX);
    for (let at = this.#lookedUp; at < end; at += 1) this.#options.touch(waiting[at] as Waiting);
    for (let at = this.#lookedUp; at < end; at += 1) {
      const next = waiting[at] as Waiting;
      const duplicate = this.#options.find(next);
      if (duplicate !== undefined) next.check = this.#check(next, duplicate);
    }
    this.#lookedUp = end;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#syncing !== undefined) {
      // One turn of the event loop lets everybody who is ready join this group.
      if (this.#waiting.length > 0) await nextTurn();
      if (this.#syncing !== undefined && !this.#isNextGroupFull()) {
        await this.#syncing;
        continue;
      }
      this.#lookUp();
      await this.#waiting[0]?.check;
      while (this.#held !== undefined) await this.#held;
      this.#committing = this.#commit();
      await this.#committing;
    }
    this.flushIndex();
    this.#workStartedMs = undefined;
    this.#pump = undefined;
  }

  /** Whether waiting for the sync that is under way could not make the next group larger. */
  #isNextGroupFull(): boolean {
    const waiting = this.#waiting.length;
    if (waiting === 0) return false;
    return (
      this.#waitingBytes >= this.#options.groupBytes ||
      waiting >= Math.min(GROUP_ENTRIES_MAX, this.#entriesMax())
    );
  }

  #entriesMax(): number {
    return this.#pace.entriesMax(this.#waiting.length + this.#syncingEntries);
  }

  async #commit(): Promise<void> {
    const startedMs = this.#workStartedMs ?? this.#pace.now();
    this.#workStartedMs = undefined;
    const group = await this.#takeGroup(Math.min(GROUP_ENTRIES_MAX, this.#entriesMax()));
    if (group.length === 0) return;
    const written = await this.#write(group);
    if (written === undefined) return;
    this.#pace.worked(startedMs, group.length);
    if (this.#active !== written.active) this.#failBehind(written);
    else if (this.#syncing === undefined) this.#syncing = this.#sync(written);
    else {
      this.#next = written;
      await this.#syncing;
    }
  }

  /** Encodes whoever is next until the group is full, or until one is met who is not known to be new. */
  async #takeGroup(entriesMax: number): Promise<readonly Waiting[]> {
    const sealer = this.#options.sealer();
    const group: Waiting[] = [];
    let bytes = 0;
    let taken = 0;
    for (; taken < this.#lookedUp && group.length < entriesMax; taken += 1) {
      const next = this.#waiting[taken] as Waiting;
      if (next.check !== undefined) break;
      if (group.length > 0 && bytes + next.entry.body.length > this.#options.groupBytes) break;
      this.#waitingBytes -= next.entry.body.length;
      if (next.known !== undefined) {
        this.#pending.delete(next);
        next.resolve(next.known);
      } else if (this.#isAcceptable(next)) {
        next.seq = this.#nextSeq + group.length;
        group.push(next);
        try {
          const added = this.#buffer.add(next, sealer);
          next.bytes = typeof added === 'number' ? added : await added;
          bytes += next.bytes;
        } catch (error) {
          bytes = 0;
          this.#discard(group.splice(0), error);
        }
      }
    }
    this.#waiting = this.#waiting.slice(taken);
    this.#lookedUp -= taken;
    return group;
  }

  /** Encoding failed half way: what is in the buffer is of no use, and no seq of it is used again. */
  #discard(group: readonly Waiting[], error: unknown): void {
    this.#buffer.take();
    this.#nextSeq += group.length;
    this.#fail(group, error);
  }

  #isAcceptable(waiting: Waiting): boolean {
    const { entry } = waiting;
    const { entryBytesMax } = this.#options;
    const bytes = ENTRY_PREFIX_BYTES + headerBytesMin(entry) + entry.body.length;
    if (bytes <= entryBytesMax) return true;
    const failure = new StorageError(
      'JOURNAL_ENTRY_TOO_LARGE',
      `the entry takes ${bytes} bytes, the limit is ${entryBytesMax}`,
      { hint: 'Submit smaller batches, or raise entryBytesMax if memory allows.' },
    );
    this.#pending.delete(waiting);
    waiting.reject(failure);
    return false;
  }

  /** @returns undefined when it failed, and everybody was told */
  async #write(group: readonly Waiting[]): Promise<Written | undefined> {
    const firstSeq = this.#nextSeq;
    this.#nextSeq += group.length;
    const chunks = this.#buffer.take();
    try {
      const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0);
      const active = await this.#segmentFor(firstSeq, group.length, bytes);
      const offset = this.#size;
      this.#size += bytes;
      const appended = active.file.append(chunks);
      this.flushIndex();
      await appended;
      return { group, active, offset };
    } catch (error) {
      // The group before it may still become durable, so its sync is waited for before the segment is let go.
      await this.#syncing;
      await this.#seal(undefined);
      this.#fail(group, error);
      return undefined;
    }
  }

  /** The disk gets the next group before anybody is told of this one, so that it does not wait for their work. */
  async #sync(written: Written): Promise<void> {
    const { group, active } = written;
    const startedMs = this.#pace.now();
    this.#syncingEntries = group.length;
    let failure: unknown;
    try {
      await Promise.all([active.file.datasync(), active.named]);
      this.#pace.synced(startedMs);
      this.#workStartedMs = this.#pace.now();
    } catch (error) {
      failure = error;
      await this.#seal(undefined);
    }
    this.#syncingEntries = 0;
    const next = this.#next;
    this.#next = undefined;
    this.#syncing = next === undefined || failure !== undefined ? undefined : this.#sync(next);
    if (failure === undefined) {
      this.#acknowledge(written);
      return;
    }
    this.#fail(group, failure);
    if (next !== undefined) this.#failBehind(next);
  }

  #failBehind({ group }: Written): void {
    this.#fail(
      group,
      new Error('the sync of the group before it failed, and nothing behind it can be trusted'),
    );
  }

  /** Tells everybody first: what the index needs is done while the disk has the next group. */
  #acknowledge(written: Written): void {
    this.#unindexed.push(written);
    for (const { resolve, seq } of written.group) resolve(seq);
  }

  #fail(group: readonly Waiting[], error: unknown): void {
    const failure = toStorageError(error, `append to the journal in ${this.#options.directory}`);
    for (const waiting of group) {
      this.#pending.delete(waiting);
      waiting.reject(failure);
    }
  }

  async #segmentFor(firstSeq: number, entries: number, bytes: number): Promise<ActiveSegment> {
    const { segmentBytes, segmentEntriesMax } = this.#options;
    const entriesAfter = firstSeq + entries - (this.#active?.segment.firstSeq ?? firstSeq);
    const isFull = this.#size + bytes > segmentBytes || entriesAfter > segmentEntriesMax;
    if (this.#active !== undefined && isFull && this.#size > SEGMENT_HEADER_BYTES) {
      await this.#syncing;
      await this.#seal(this.#size);
    }
    if (this.#active === undefined) {
      this.#active = await this.#options.createSegment(firstSeq);
      this.#size = SEGMENT_HEADER_BYTES;
    }
    return this.#active;
  }

  /** @param bytes size of the segment when all of it is acknowledged */
  async #seal(bytes: number | undefined): Promise<void> {
    const sealed = this.#active;
    this.#active = undefined;
    if (sealed === undefined) return;
    this.flushIndex();
    await sealed.file.close().catch(() => undefined);
    this.#options.sealed(sealed.segment, bytes);
  }
}
