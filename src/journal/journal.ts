/**
 * The port of the local durable log in front of the store.
 *
 * J1 `append` resolves only after the entry is on the medium (fdatasync). J2 entries are read back in
 * append order, byte for byte. J3 opening never fails for damage: a damaged span is set aside, counted
 * and reported, the rest is served. J4 one process writes; a second is refused with DirectoryLockedError.
 * J5 an entry is dropped only after `checkpoint` says that the store owns it.
 */
import type { Format, Priority } from '../core/batch.ts';

/** Why rows were stored: to be replayed, or (already delivered with a loss) to be healed later. */
export type Purpose = 'replay' | 'heal';

/** Rows of one batch that left the chain with one reason; one row of a Parquet object. */
export interface RawEntry {
  readonly purpose: Purpose;
  /** Key of the batch, 32 hex digits. */
  readonly key: string;
  readonly orderingKey: string | undefined;
  readonly priority: Priority;
  readonly format: Format;
  readonly attributes: Readonly<Record<string, string>>;
  readonly receivedAtMs: number;
  readonly reason: string;
  /** Tiers passed, as JSON. */
  readonly trail: string;
  /** Number of records in `body`. */
  readonly rowCount: number;
  /** Index in the original batch of each record in `body`; undefined when `body` is the whole batch. */
  readonly rows: readonly number[] | undefined;
  /** SHA-256 of `body`, 64 hex digits. */
  readonly sha256: string;
  /** Untouched bytes. */
  readonly body: Uint8Array;
}

/** An entry with its place in the journal; `seq` grows by one per entry and is never used again. */
export interface JournalEntry extends RawEntry {
  readonly seq: number;
}

/** How much of one priority there is; `bytes` are those of the bodies. */
export interface PriorityDepth {
  readonly entries: number;
  readonly rows: number;
  readonly bytes: number;
  /** Wall-clock time of the oldest entry; undefined when there is none. */
  readonly oldestMs: number | undefined;
}

/** How much there is, known without counting. */
export interface JournalDepth extends PriorityDepth {
  readonly byPriority: Readonly<Record<Priority, PriorityDepth>>;
}

/** A span that could not be read back; `setAside` is the file that keeps its bytes. */
export interface JournalDamage {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly setAside: string;
}

export interface Journal {
  /**
   * Appends and makes durable. The same (purpose, key, rows) still in the journal is not stored twice.
   * @returns the entry's sequence number
   * @throws StorageError; the entry is then not acknowledged and may be submitted again
   */
  append(entry: RawEntry): Promise<number>;
  /** Entries after `seq`, oldest first, until about `bytesMax` bytes of body (at least one entry). */
  read(afterSeq: number, bytesMax: number): Promise<readonly JournalEntry[]>;
  /** Records durably that the store owns every entry up to `seq`, then frees their space. */
  checkpoint(seq: number): Promise<void>;
  /** The last checkpoint; -1 when there was none. */
  readonly checkpointed: number;
  readonly depth: JournalDepth;
  readonly damage: readonly JournalDamage[];
  close(): Promise<void>;
}
