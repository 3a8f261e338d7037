/**
 * The Journal port on append-only segment files.
 *
 *   <directory>/
 *     NNNNNNNNNNNNNNNN.seg   segments, oldest first (segment-file.ts draws one, entry.ts an entry)
 *     checkpoint             the last checkpoint; lost or damaged = start from the oldest segment
 *     damaged/               spans that could not be read, byte for byte
 *     reserve                space for the checkpoint on a full disk
 *     lock.db, lock.owner    one process at a time
 *
 * Invariants beside the port's J1..J5: group-writer.ts (G1..G4, commit), segment-scan.ts and recovery.ts
 * (R1..R3, V1..V3, what a crash leaves), segment-index.ts (X1..X3, memory).
 */
import { resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { makeDirectory, writeState } from '../core/durable-file.ts';
import { StorageError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { FileSystem } from '../core/file-system.ts';
import { toStorageError } from '../core/storage-fault.ts';
import { DamageLog } from './damage.ts';
import { type EncodedEntry, encodeEntry, entryIdentity } from './entry.ts';
import { readEntries } from './entry-reader.ts';
import { type Committed, GroupWriter } from './group-writer.ts';
import type { Journal, JournalDamage, JournalDepth, JournalEntry, RawEntry } from './journal.ts';
import { type DirectoryLock, type LockDirectory, lockDirectory } from './lock.ts';
import { CHECKPOINT_FILE, type Recovered, recoverSegments } from './recovery.ts';
import { keepReserve, spendReserve } from './reserve.ts';
import { createSegment, segmentName } from './segment-file.ts';
import { SegmentIndex } from './segment-index.ts';

const MIB = 1024 * 1024;

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
  /** How the directory is locked. @default lockDirectory */
  readonly lock?: LockDirectory;
}

interface Parts {
  readonly options: SegmentJournalOptions;
  readonly lock: DirectoryLock;
  readonly index: SegmentIndex;
  readonly damage: DamageLog;
  readonly recovered: Recovered;
}

class SegmentJournal implements Journal {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #entryBytesMax: number;
  readonly #lock: DirectoryLock;
  readonly #index: SegmentIndex;
  readonly #damage: DamageLog;
  readonly #writer: GroupWriter;
  /** Entries that wait for their fdatasync, by identity. */
  readonly #pending = new Map<string, Promise<number>>();
  #checkpointed: number;
  #checkpointing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor({ options, lock, index, damage, recovered }: Parts) {
    this.#fs = options.fs;
    this.#directory = options.directory;
    this.#entryBytesMax = options.entryBytesMax ?? 256 * MIB;
    this.#lock = lock;
    this.#index = index;
    this.#damage = damage;
    this.#checkpointed = recovered.checkpointed;
    this.#writer = new GroupWriter({
      directory: options.directory,
      nextSeq: recovered.nextSeq,
      segmentBytes: options.segmentBytes ?? 64 * MIB,
      groupBytes: options.groupBytes ?? MIB,
      createSegment: async (firstSeq) => ({
        file: await createSegment(options.fs, options.directory, firstSeq, options.clock.wallNow()),
        segment: index.open(segmentName(firstSeq), firstSeq),
      }),
    });
  }

  get checkpointed(): number {
    return this.#checkpointed;
  }

  get depth(): JournalDepth {
    return this.#index.depth;
  }

  get damage(): readonly JournalDamage[] {
    return this.#damage.found;
  }

  async append(entry: RawEntry): Promise<number> {
    this.#refuseClosed();
    const identity = entryIdentity(entry);
    const known = this.#index.find(identity) ?? this.#pending.get(identity);
    if (known !== undefined) return known;
    const encoded = encodeEntry(entry);
    this.#refuseTooLarge(encoded);
    const durable = this.#writer.write(encoded, (committed) =>
      this.#publish(entry, encoded, identity, committed),
    );
    this.#pending.set(identity, durable);
    try {
      return await durable;
    } finally {
      this.#pending.delete(identity);
    }
  }

  async read(afterSeq: number, bytesMax: number): Promise<readonly JournalEntry[]> {
    this.#refuseClosed();
    try {
      return await readEntries(this.#fs, this.#directory, this.#index, this.#damage, { afterSeq, bytesMax });
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
    this.#lock.release();
  }

  #publish(
    entry: RawEntry,
    encoded: EncodedEntry,
    identity: string,
    { seq, segment, offset }: Committed,
  ): void {
    this.#index.add(segment, {
      seq,
      offset,
      bytes: encoded.bytes,
      bodyBytes: encoded.body.length,
      rowCount: entry.rowCount,
      receivedAtMs: entry.receivedAtMs,
      identity,
    });
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
      await this.#deleteSegments(seq);
    } catch (error) {
      throw toStorageError(error, `write the checkpoint in ${this.#directory}`);
    }
  }

  async #writeCheckpoint(seq: number): Promise<void> {
    try {
      await writeState(this.#fs, this.#directory, CHECKPOINT_FILE, { seq });
    } catch (error) {
      if (toStorageError(error, '').code !== 'STORAGE_FULL') throw error;
      await spendReserve(this.#fs, this.#directory);
      await writeState(this.#fs, this.#directory, CHECKPOINT_FILE, { seq });
    }
  }

  async #deleteSegments(seq: number): Promise<void> {
    const empty = this.#index.dropThrough(seq);
    for (const segment of empty) await this.#fs.unlink(`${this.#directory}/${segment.name}`);
    if (empty.length > 0) await this.#fs.syncDirectory(this.#directory);
    await keepReserve(this.#fs, this.#directory);
  }

  #refuseTooLarge(encoded: EncodedEntry): void {
    if (encoded.bytes <= this.#entryBytesMax && encoded.bytes < 2 ** 32) return;
    throw new StorageError(
      'JOURNAL_ENTRY_TOO_LARGE',
      `the entry takes ${encoded.bytes} bytes, the limit is ${this.#entryBytesMax}`,
      { hint: 'Submit smaller batches, or raise entryBytesMax if memory allows.' },
    );
  }

  #refuseClosed(): void {
    if (this.#closing === undefined) return;
    throw new StorageError('JOURNAL_CLOSED', `the journal in ${this.#directory} is closed`, {
      hint: 'Open it again; this entry was not accepted.',
    });
  }
}

async function openLocked(options: SegmentJournalOptions, lock: DirectoryLock): Promise<Journal> {
  const index = new SegmentIndex();
  const damage = new DamageLog(options.fs, options.directory, options.chain, options.emit);
  const recovered = await recoverSegments(options.fs, options.directory, index, damage);
  await keepReserve(options.fs, options.directory);
  for (const segment of index.dropThrough(recovered.checkpointed)) {
    // Owned by the store already: a file that cannot be deleted now is met again at the next open.
    await options.fs.unlink(`${options.directory}/${segment.name}`).catch(() => undefined);
  }
  return new SegmentJournal({ options, lock, index, damage, recovered });
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
