/**
 * The Journal port on append-only segment files.
 *
 *   <directory>/
 *     NNNNNNNNNNNNNNNN.seg   segments, oldest first (segment-file.ts draws one, entry.ts an entry)
 *     NNNNNNNNNNNNNNNN.idx   where the entries of a sealed segment are; lost or damaged = read from the segment
 *     checkpoint             the last checkpoint; lost or damaged = start from the oldest segment
 *     damaged/               spans that could not be read, byte for byte
 *     reserve                space for the checkpoint on a full disk
 *     lock.db, lock.owner    one process at a time
 *
 * Invariants beside the port's J1..J5: group-writer.ts (G1..G4, commit), segment-scan.ts and recovery.ts
 * (R1..R3, V1..V4, what a crash leaves), segment-index.ts (X1..X3, memory), identity-table.ts (I1..I3, duplicates).
 */
import { resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { makeDirectory, writeState } from '../core/durable-file.ts';
import { StorageError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import type { KeyRing, Sealer } from '../core/key-ring.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { DamageLog } from './damage.ts';
import { hasFixedFields } from './entry-header.ts';
import { readEntries } from './entry-reader.ts';
import type { ActiveSegment, Committed } from './group-options.ts';
import { GroupWriter } from './group-writer.ts';
import { IDENTITY_WORDS, type Identity, identityOf, identityText, isKey, writeIdentity } from './identity.ts';
import type { Journal, JournalDamage, JournalDepth, JournalEntry, RawEntry } from './journal.ts';
import { type DirectoryLock, type LockDirectory, lockDirectory } from './lock.ts';
import { placeFileName, writePlaces } from './place-file.ts';
import type { PlaceTable } from './place-table.ts';
import { CHECKPOINT_FILE, type Recovered, recoverSegments } from './recovery.ts';
import { Reserve } from './reserve.ts';
import { createSegment, segmentName } from './segment-file.ts';
import { type Segment, SegmentIndex } from './segment-index.ts';
import { findPlaces } from './segment-places.ts';

const MIB = 1024 * 1024;
/** Lengths are 32 bits wide; a header takes some of it. */
const FORMAT_BYTES_MAX = 2 ** 32 - 64 * MIB;

export interface SegmentJournalOptions {
  /** Created when absent, mode 0700. */
  readonly directory: string;
  /** Name of the chain, for events. */
  readonly chain: string;
  readonly fs: FileSystem;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Size at which a new segment is started; one entry may exceed it. @default 64 MiB */
  readonly segmentBytes?: number;
  /** Bytes per fdatasync, at least one entry. @default 1 MiB */
  readonly groupBytes?: number;
  /** Largest entry on the medium; the format itself ends at 4 GiB. @default 256 MiB */
  readonly entryBytesMax?: number;
  /** Entries at which a new segment is started: places of one segment are in memory. @default 65_536 */
  readonly segmentEntriesMax?: number;
  /** Encrypts new entries under the ring's current key, and opens old ones while their key is in the ring. @default none */
  readonly keys?: KeyRing;
  /**
   * Bytes that are read and checked at open, newest first. Damage in older segments that have an index is found when
   * they are read. @default 1 GiB
   */
  readonly verifyBytes?: number;
  /** How the directory is locked. @default lockDirectory */
  readonly lock?: LockDirectory;
}

interface Parts {
  readonly options: SegmentJournalOptions;
  readonly lock: DirectoryLock;
  readonly damage: DamageLog;
  readonly recovered: Recovered;
  readonly reserve: Reserve;
}

class SegmentJournal implements Journal {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #keys: KeyRing | undefined;
  readonly #lock: DirectoryLock;
  readonly #clock: Clock;
  readonly #reserve: Reserve;
  readonly #index: SegmentIndex;
  readonly #damage: DamageLog;
  readonly #writer: GroupWriter;
  readonly #words = new Uint32Array(IDENTITY_WORDS);
  /** Indexes of segments that are being written. */
  readonly #sealing = new Map<Segment, Promise<void>>();
  #sealer: Sealer | undefined;
  #checkpointed: number;
  #checkpointing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor({ options, lock, damage, recovered, reserve }: Parts) {
    const { fs, directory, clock } = options;
    this.#fs = fs;
    this.#directory = directory;
    this.#keys = options.keys;
    this.#lock = lock;
    this.#clock = clock;
    this.#reserve = reserve;
    this.#index = recovered.index;
    this.#damage = damage;
    this.#checkpointed = recovered.checkpointed;
    this.#writer = new GroupWriter({
      directory,
      clock,
      nextSeq: recovered.nextSeq,
      segmentBytes: options.segmentBytes ?? 64 * MIB,
      segmentEntriesMax: options.segmentEntriesMax ?? 65_536,
      groupBytes: options.groupBytes ?? MIB,
      entryBytesMax: Math.min(options.entryBytesMax ?? 256 * MIB, FORMAT_BYTES_MAX),
      createSegment: (firstSeq) => this.#createSegment(firstSeq),
      committed: (segment, committed) => this.#publish(segment, committed),
      touch: (identity) => this.#index.touch(this.#wordsOf(identity)),
      find: (identity) => this.#index.find(this.#wordsOf(identity)),
      sealed: (segment, bytes) => this.#seal(segment, bytes),
      sealer: () => this.#currentSealer(),
    });
  }

  get checkpointed(): number {
    return this.#checkpointed;
  }

  get depth(): JournalDepth {
    this.#writer.flushIndex();
    return this.#index.depth;
  }

  get damage(): readonly JournalDamage[] {
    return this.#damage.found;
  }

  append(entry: RawEntry): Promise<number> {
    const text = identityText(entry);
    const isKeyItself = writeIdentity(text, this.#words);
    const identity = identityOf(this.#words);
    const pending = this.#writer.pending(identity);
    if (pending !== undefined) return pending;
    const refusal = this.#refusal(entry, isKeyItself || isKey(entry.key));
    return refusal === undefined ? this.#writer.write(entry, identity) : Promise.reject(refusal);
  }

  async read(afterSeq: number, bytesMax: number): Promise<readonly JournalEntry[]> {
    this.#refuseClosed();
    this.#writer.flushIndex();
    try {
      return await readEntries(
        {
          fs: this.#fs,
          directory: this.#directory,
          index: this.#index,
          damage: this.#damage,
          keys: this.#keys,
        },
        { afterSeq, bytesMax },
      );
    } catch (error) {
      throw toStorageError(error, `read the journal in ${this.#directory}`);
    }
  }

  checkpoint(seq: number): Promise<void> {
    const done = this.#checkpointing.then(() => this.#checkpoint(seq));
    this.#checkpointing = done.catch(() => undefined);
    return done;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.close();
    await this.#checkpointing;
    await Promise.all(this.#sealing.values());
    this.#lock.release();
  }

  /** Valid until the next call. */
  #wordsOf({ a, b, c, d }: Identity): Uint32Array {
    const words = this.#words;
    words[0] = a;
    words[1] = b;
    words[2] = c;
    words[3] = d;
    return words;
  }

  #publish(segment: Segment, committed: Committed): void {
    const { seq, offset, bytes } = committed;
    const { rowCount, receivedAtMs, priority, body } = committed.entry;
    const place = { seq, offset, bytes, bodyBytes: body.length, rowCount, receivedAtMs, priority };
    this.#index.add(segment, place, this.#wordsOf(committed));
  }

  /** Writes the index of a segment beside it, while others go on; without one it is read again when it is needed. */
  #seal(segment: Segment, bytes: number | undefined): void {
    const { places } = segment;
    if (places === undefined || bytes === undefined || places.count === 0) {
      this.#index.release(segment);
      return;
    }
    const written = writePlaces(this.#fs, this.#directory, segment.name, places, bytes)
      .catch(() => undefined)
      .then(() => {
        this.#index.release(segment);
        this.#sealing.delete(segment);
      });
    this.#sealing.set(segment, written);
  }

  #currentSealer(): Sealer | undefined {
    if (this.#keys !== undefined && this.#sealer?.keyId !== this.#keys.currentId)
      this.#sealer = this.#keys.sealer();
    return this.#sealer;
  }

  async #checkpoint(seq: number): Promise<void> {
    this.#refuseClosed();
    if (seq <= this.#checkpointed) return;
    if (seq >= this.#writer.nextSeq) {
      throw new StorageError('JOURNAL_CHECKPOINT_INVALID', `there is no entry ${seq} to checkpoint yet`, {
        hint: 'Checkpoint only entries that read() returned; this is a bug of the caller.',
      });
    }
    try {
      await this.#writeCheckpoint(seq);
      this.#checkpointed = seq;
      this.#writer.flushIndex();
      await this.#deleteSegments(seq);
    } catch (error) {
      throw toStorageError(error, `write the checkpoint in ${this.#directory}`);
    }
  }

  async #writeCheckpoint(seq: number): Promise<void> {
    const write = () => writeState(this.#fs, this.#directory, CHECKPOINT_FILE, { seq });
    try {
      await write();
    } catch (error) {
      if (toStorageError(error, '').code !== 'STORAGE_FULL') throw error;
      // An append, or the index of a segment, would take the space at once, and the reserve would be gone for good.
      await this.#writer.holdWhile(async () => {
        await Promise.all(this.#sealing.values());
        await this.#reserve.lend(write);
      });
    }
  }

  async #deleteSegments(seq: number): Promise<void> {
    const empty = await this.#index.dropThrough(seq);
    for (const segment of empty) {
      await this.#sealing.get(segment);
      await removeSegment(this.#fs, this.#directory, segment);
    }
    if (empty.length > 0) await this.#fs.syncDirectory(this.#directory);
    await this.#reserve.keep();
  }

  /**
   * Starts a segment. On a full disk the one before it may be all the space there is, although it holds nothing any more: the
   * reserve is lent to the new one, which lets the other go.
   */
  async #createSegment(firstSeq: number): Promise<ActiveSegment> {
    try {
      return await this.#startSegment(firstSeq);
    } catch (error) {
      const empty = this.#index.empty;
      if (toStorageError(error, '').code !== 'STORAGE_FULL' || empty.length === 0) throw error;
      await Promise.all(this.#sealing.values());
      return await this.#reserve.lend(async () => {
        for (const segment of empty) if (segment.keep) segment.keep = !(await this.#damage.retry(segment.name));
        if (empty.every(({ keep }) => keep)) throw error;
        const active = await this.#startSegment(firstSeq);
        await removeUnneeded(this.#fs, this.#directory, this.#index.dropEmpty());
        return active;
      });
    }
  }

  async #startSegment(firstSeq: number): Promise<ActiveSegment> {
    const created = await createSegment(this.#fs, this.#directory, firstSeq, this.#clock.wallNow());
    return { ...created, segment: this.#index.open(segmentName(firstSeq), firstSeq) };
  }

  #refusal(entry: RawEntry, isValid: boolean): StorageError | undefined {
    if (this.#closing !== undefined) return closedError(this.#directory);
    if (!isValid) {
      return new StorageError(
        'JOURNAL_KEY_INVALID',
        `the key ${JSON.stringify(entry.key)} is not 32 hex digits`,
        {
          hint: 'Keys are made by batchKey() of the core; this is a bug of the caller.',
        },
      );
    }
    if (hasFixedFields(entry)) return undefined;
    return new StorageError(
      'JOURNAL_ENTRY_INVALID',
      `the entry ${entry.key} has a field that is not of its type`,
      {
        hint: 'Look at priority, format, rowCount, receivedAtMs and sha256; this is a bug of the caller.',
      },
    );
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw closedError(this.#directory);
  }
}

function closedError(directory: string): StorageError {
  return new StorageError('JOURNAL_CLOSED', `the journal in ${directory} is closed`, {
    hint: 'Open it again; this entry was not accepted.',
  });
}

/** The index goes first: without its segment it would be an orphan. */
async function removeSegment(fs: FileSystem, directory: string, { name }: Segment): Promise<void> {
  await fs.unlink(`${directory}/${placeFileName(name)}`);
  await fs.unlink(`${directory}/${name}`);
}

/** Nobody needs them any more: a file that cannot be deleted now is met again at the next open. */
async function removeUnneeded(fs: FileSystem, directory: string, segments: readonly Segment[]): Promise<void> {
  for (const segment of segments) await removeSegment(fs, directory, segment).catch(() => undefined);
}

/** Without an index the segment is read again, and what decayed in it meanwhile is found on the way. */
async function loadPlaces(
  fs: FileSystem,
  directory: string,
  segment: Segment,
  damage: DamageLog,
): Promise<PlaceTable> {
  const { name, firstSeq, lastSeq } = segment;
  const { places, gaps, lastOffset } = await findPlaces(fs, directory, { name, firstSeq, seqMax: lastSeq });
  const isWhole = places.count > 0 && places.seqAt(places.count - 1) === lastSeq;
  for (const gap of gaps) {
    // Behind the last entry there are only bytes that were never acknowledged.
    if ((isWhole && gap.offset > lastOffset) || damage.knows(name, gap)) continue;
    if (!(await damage.record(name, gap))) segment.keep = true;
  }
  return places;
}

async function openLocked(options: SegmentJournalOptions, lock: DirectoryLock): Promise<Journal> {
  const { fs, directory, verifyBytes = 1024 * MIB } = options;
  const damage = new DamageLog(fs, directory, options.chain, options.emit);
  const load = (segment: Segment) => loadPlaces(fs, directory, segment, damage);
  const createIndex = (checkpointed: number): SegmentIndex => new SegmentIndex(checkpointed, load);
  const recovered = await recoverSegments({ fs, directory, damage, verifyBytes, createIndex });
  await removeUnneeded(fs, directory, await recovered.index.dropThrough(recovered.checkpointed));
  const reserve = new Reserve(fs, directory);
  await reserve.keep();
  return new SegmentJournal({ options, lock, damage, recovered, reserve });
}

/**
 * Opens the journal in a directory, whatever state a crash left it in.
 *
 * @throws DirectoryLockedError when another process has it open; StorageError when the directory cannot be
 * read or written, or was written by a newer version. Never for damage: see `damage` and `journalDamaged`.
 */
export async function openSegmentJournal(options: SegmentJournalOptions): Promise<Journal> {
  const directory = resolve(options.directory);
  const lockIt = options.lock ?? lockDirectory;
  try {
    await makeDirectory(options.fs, directory);
  } catch (error) {
    throw toStorageError(error, `create ${directory}`);
  }
  const lock = await lockIt(directory, options.fs);
  try {
    return await openLocked({ ...options, directory }, lock);
  } catch (error) {
    lock.release();
    throw toStorageError(error, `open the journal in ${directory}`);
  }
}
